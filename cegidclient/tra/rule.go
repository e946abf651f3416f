package tra

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
)

// Ground says who objects to what was found, a set. The empty set: it is merely odd, or more than this package takes.
type Ground uint8

// The grounds.
const (
	// Format: the description of the format demands otherwise (loop-api: A 9).
	Format Ground = 1 << iota
	// Books: double entry demands otherwise.
	Books
	// Loop: Cegid Loop is said to want it otherwise, by integrators or of another of its imports (loop-api: A 2.1, 3.3).
	// No page of Cegid's that could be read confirms it for a TRA.
	Loop
)

// String gives the stable names of the set, such as "format, books"; "odd" for the empty one.
func (g Ground) String() string {
	if g == 0 {
		return "odd"
	}
	var names []string
	for i, name := range [...]string{"format", "books", "loop"} {
		if g&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Has reports whether one of the others is in the set.
func (g Ground) Has(others Ground) bool { return g&others != 0 }

// Rule describes a code: its severity, who objects, and its sentences with {placeholders} for what varies.
type Rule struct {
	Code            string
	Severity        check.Severity
	Grounds         Ground
	Message, French string
}

// Codes lists every code that the package can find. The caller owns it.
func Codes() []Rule { return slices.Clone(rules[:]) }

// code indexes the rules.
type code uint8

const (
	fileCompressed code = iota
	encodingUTF16
	notText
	notTRA
	noLines
	headerMissing
	headerRepeated
	headerLoop
	balanceExtended
	versionOther
	byteOrderMark
	encodingUTF8
	encodingMixed
	controlCharacter
	lineTooLong
	lineEmpty
	lineEndingsMixed
	lineTooShort
	lineShifted
	lineUnknown
	lineBeyond
	extendedInStandard
	recordUnknown
	recordLate
	recordRepeated
	recordAnalytics
	fieldRequired
	fieldUnused
	valueInvalid
	valueUnknown
	flagInvalid
	textMisaligned
	numberMisaligned
	labelOverflows
	labelFull
	dateMalformed
	dateNotReal
	dateFormat
	dateImplausible
	dateOutsideYears
	yearReversed
	yearsOpen
	dueEarly
	cutoffIncomplete
	siretInvalid
	journalUndescribed
	journalReserved
	journalCounterpart
	journalAxis
	journalMode
	accountForbidden
	closed
	accountNotCollective
	thirdPartyExpected
	thirdPartyAccount
	collectiveDiffers
	matchableNature
	analyticOrphan
	analyticUnbalanced
	analyticUnexpected
	amountInvalid
	amountAmbiguous
	amountForm
	amountPrecision
	amountTooLarge
	amountNegative
	amountZero
	amountMissing
	amountUncoded
	currencyInvalid
	currencyMissing
	currencyUnused
	rateMissing
	referenceMissing
	numbersMixed
	extendedMissing
	loopFieldMissing
	vatFieldMissing
	letteringCodeMissing
	letteringCodeUnused
	letteringCase
	letteringTooLong
	letteringUnread
	letteringState
	entryUnbalanced
	fileUnbalanced
	unitsMixed
	entryScattered
	totalTooLarge
	entriesUnfollowed
	totalsIncomplete

	numCodes
)

var rules = [numCodes]Rule{
	fileCompressed: {
		"FILE_COMPRESSED", check.Error, Format, "The file is a compressed archive or a spreadsheet ({value}). Unpack it, or save it as text, and send the text file.",
		"Le fichier est une archive compressée ou un classeur ({value}). Décompressez-le ou enregistrez-le en texte, et envoyez le fichier texte.",
	},
	encodingUTF16: {
		"ENCODING_UTF16", check.Error, Format, "The file is in {value}. Save it in Windows-1252.",
		"Le fichier est codé en {value}. Enregistrez-le en Windows-1252.",
	},
	notText: {
		"NOT_TEXT", check.Error, Format, "The file is not a text ({value}). Send the TRA itself, a text with one line per movement.",
		"Le fichier n'est pas un texte ({value}). Envoyez le TRA lui-même, un texte comportant une ligne par mouvement.",
	},
	notTRA: {
		"NOT_A_TRA", check.Error, Format, "The first line is neither a header of a TRA nor a movement: \"{value}\". Begin with *** and the kind of file, such as ***S5CLIJRLETE.",
		"La première ligne n'est ni l'en-tête d'un TRA ni un mouvement : « {value} ». Commencez par *** et le type de fichier, par exemple ***S5CLIJRLETE.",
	},
	noLines: {
		"NO_LINES", check.Error, Format, "The file holds no movement. Send one with at least one entry.",
		"Le fichier ne contient aucun mouvement. Envoyez-en un comportant au moins une écriture.",
	},
	headerMissing: {
		"HEADER_MISSING", check.Error, Format, "The file begins without a header. Put one before everything else, such as ***S5CLIJRLETE.",
		"Le fichier commence sans en-tête. Faites-le précéder d'un en-tête, par exemple ***S5CLIJRLETE.",
	},
	headerRepeated: {
		"HEADER_REPEATED", check.Error, Format, "There is another header, as if files had been put together. Send each by itself.",
		"Un autre en-tête figure ici, comme si plusieurs fichiers avaient été réunis. Envoyez-les séparément.",
	},
	headerLoop: {
		"HEADER_LOOP", check.Warning, Loop, "The file begins with \"{value}\", and Loop is said to want ***S5CLIJRLETE. Export a journal in the extended format.",
		"Le fichier commence par « {value} », et Loop demanderait ***S5CLIJRLETE. Exportez un journal au format étendu.",
	},
	balanceExtended: {
		"BALANCE_EXTENDED", check.Error, Format, "The file is a balance (BAL) in the extended format. Write a balance in the standard format (STD).",
		"Le fichier est une balance (BAL) au format étendu. Écrivez une balance au format standard (STD).",
	},
	versionOther: {
		"VERSION_OTHER", check.Notice, 0, "The file is of version \"{value}\"; it is read as version 011, which later positions may not suit.",
		"Le fichier est en version « {value} » ; il est lu comme la version 011, dont certaines positions peuvent différer.",
	},
	byteOrderMark: {
		"BYTE_ORDER_MARK", check.Warning, Format, "The file begins with a byte order mark, which shifts the positions of the first line. Save it without, in Windows-1252.",
		"Le fichier commence par une marque d'ordre des octets (BOM), qui décale les positions de la première ligne. Enregistrez-le sans elle, en Windows-1252.",
	},
	encodingUTF8: {
		"ENCODING_UTF8", check.Warning, Format, "The file is in UTF-8, see \"{value}\"; its positions are counted in characters here, and may be counted in bytes elsewhere. Save it in Windows-1252.",
		"Le fichier est codé en UTF-8, voir « {value} » ; ses positions sont comptées ici en caractères, et peuvent l'être ailleurs en octets. Enregistrez-le en Windows-1252.",
	},
	encodingMixed: {
		"ENCODING_MIXED", check.Warning, Format, "The file is partly in UTF-8 and partly not, see \"{value}\". Save all of it in Windows-1252.",
		"Le fichier est en partie en UTF-8 et en partie non, voir « {value} ». Enregistrez-le entièrement en Windows-1252.",
	},
	controlCharacter: {
		"CONTROL_CHARACTER", check.Warning, 0, "The line holds a control character, such as a tab, which takes one position: \"{value}\". Take it out.",
		"La ligne contient un caractère de contrôle, comme une tabulation, qui occupe une seule position : « {value} ». Supprimez-le.",
	},
	lineTooLong: {
		"LINE_TOO_LONG", check.Error, 0, "The line has more than {most} bytes. Check that lines end with CR and LF.",
		"La ligne dépasse {most} octets. Vérifiez que les lignes se terminent par CR et LF.",
	},
	lineEmpty: {
		"LINE_EMPTY", check.Notice, Format, "The line is empty. Take it out.",
		"La ligne est vide. Supprimez-la.",
	},
	lineEndingsMixed: {
		"LINE_ENDINGS_MIXED", check.Notice, 0, "The line ends with {value}, the first one with {other}. End all lines alike, best with CR and LF.",
		"La ligne se termine par {value}, la première par {other}. Terminez toutes les lignes de la même façon, de préférence par CR et LF.",
	},
	lineTooShort: {
		"LINE_TOO_SHORT", check.Error, Format, "The line ends after {count} characters, before what a movement must have. Check that it was not broken in two.",
		"La ligne s'arrête après {count} caractères, avant ce qu'un mouvement doit contenir. Vérifiez qu'elle n'a pas été coupée en deux.",
	},
	lineShifted: {
		"LINE_SHIFTED", check.Error, Format, "Side and amount stand {count} position(s) to the {where} of where they belong: a field before them has a wrong width. Write each field at its position.",
		"Le sens et le montant se trouvent {count} position(s) trop à {where} : un champ qui précède n'a pas la bonne largeur. Écrivez chaque champ à sa position.",
	},
	lineUnknown: {
		"LINE_UNKNOWN", check.Error, Format, "The line is no movement: neither its date nor its side is where it belongs. Check that it is whole, and of this format.",
		"La ligne n'est pas un mouvement : ni sa date ni son sens ne sont à leur place. Vérifiez qu'elle est entière, et dans ce format.",
	},
	lineBeyond: {
		"LINE_BEYOND", check.Notice, 0, "The line goes on behind its last known position, {most}. Nothing there is read.",
		"La ligne se poursuit au-delà de sa dernière position connue, {most}. La suite n'est pas lue.",
	},
	extendedInStandard: {
		"EXTENDED_IN_STANDARD", check.Warning, Format, "The line goes on behind position 222, and the file is in the standard format (STD), in which nothing there is read. Write ETE in the header.",
		"La ligne se poursuit au-delà de la position 222, et le fichier est au format standard (STD), où la suite n'est pas lue. Écrivez ETE dans l'en-tête.",
	},
	recordUnknown: {
		"RECORD_UNKNOWN", check.Notice, 0, "The record \"{value}\" is not known here, and is not read.",
		"L'enregistrement « {value} » n'est pas connu ici, et n'est pas lu.",
	},
	recordLate: {
		"RECORD_LATE", check.Error, Format, "The record \"{value}\" comes after movements. Put all parameters before them.",
		"L'enregistrement « {value} » vient après des mouvements. Placez tous les paramètres avant eux.",
	},
	recordRepeated: {
		"RECORD_REPEATED", check.Warning, 0, "The record {value} describes the code \"{code}\" again. Keep one.",
		"L'enregistrement {value} décrit à nouveau le code « {code} ». N'en gardez qu'un.",
	},
	recordAnalytics: {
		"RECORD_ANALYTICS", check.Warning, Format, "The record {value} does not go with the header, whose position 148 says which analytics the file is written in. Use NSA with an X there, else SAT.",
		"L'enregistrement {value} ne correspond pas à l'en-tête, dont la position 148 indique l'analytique employée. Utilisez NSA avec un X à cette position, sinon SAT.",
	},
	fieldRequired: {
		"FIELD_REQUIRED", check.Error, Format, "The field {field} is empty, and the line cannot be used without it. Fill it in.",
		"Le champ {field} est vide, et la ligne n'est pas exploitable sans lui. Renseignez-le.",
	},
	fieldUnused: {
		"FIELD_UNUSED", check.Warning, Format, "The field {field} holds \"{value}\", which a line of this kind does not use. Empty it, or correct the kind in position 31.",
		"Le champ {field} contient « {value} », qu'une ligne de ce type n'utilise pas. Videz-le, ou corrigez le type en position 31.",
	},
	valueInvalid: {
		"VALUE_INVALID", check.Error, Format, "\"{value}\" in {field} is none of {values}. Correct it.",
		"« {value} » dans {field} ne fait pas partie de {values}. Corrigez-le.",
	},
	valueUnknown: {
		"VALUE_UNKNOWN", check.Warning, Format, "\"{value}\" in {field} is none of {values}. Check it.",
		"« {value} » dans {field} ne fait pas partie de {values}. Vérifiez-le.",
	},
	flagInvalid: {
		"FLAG_INVALID", check.Warning, Format, "\"{value}\" in {field} is neither X nor -. Write one of them.",
		"« {value} » dans {field} n'est ni X ni -. Écrivez l'un des deux.",
	},
	textMisaligned: {
		"TEXT_MISALIGNED", check.Warning, Format, "The field {field} begins with blanks: \"{value}\". Write texts from the left.",
		"Le champ {field} commence par des espaces : « {value} ». Cadrez les textes à gauche.",
	},
	numberMisaligned: {
		"NUMBER_MISALIGNED", check.Warning, Format, "The field {field} ends with blanks: \"{value}\". Write numbers to the right.",
		"Le champ {field} se termine par des espaces : « {value} ». Cadrez les nombres à droite.",
	},
	labelOverflows: {
		"LABEL_OVERFLOWS", check.Error, Format, "The label runs on behind its 35 positions, into payment mode and due date: \"{value}\". Shorten it.",
		"Le libellé dépasse ses 35 positions et empiète sur le mode de paiement et l'échéance : « {value} ». Raccourcissez-le.",
	},
	labelFull: {
		"LABEL_FULL", check.Notice, 0, "The label \"{value}\" takes all of its 35 positions. See that nothing was cut off.",
		"Le libellé « {value} » occupe ses 35 positions. Vérifiez que rien n'a été coupé.",
	},
	dateMalformed: {
		"DATE_INVALID", check.Error, Format, "\"{value}\" in {field} is not a date. Write eight digits, day, month and year, such as 31032026.",
		"« {value} » dans {field} n'est pas une date. Écrivez huit chiffres, jour, mois et année, par exemple 31032026.",
	},
	dateNotReal: {
		"DATE_NOT_REAL", check.Error, Format, "There is no day {value}, given in {field}. Correct it.",
		"Le jour {value} indiqué dans {field} n'existe pas. Corrigez-le.",
	},
	dateFormat: {
		"DATE_FORMAT", check.Error, Format, "The date \"{value}\" in {field} begins with the year. Write {better}.",
		"La date « {value} » dans {field} commence par l'année. Écrivez {better}.",
	},
	dateImplausible: {
		"DATE_IMPLAUSIBLE", check.Warning, 0, "The date {value} in {field} is far from our time. Check the year.",
		"La date {value} dans {field} est très éloignée de notre époque. Vérifiez l'année.",
	},
	dateOutsideYears: {
		"DATE_OUTSIDE_YEARS", check.Warning, Format, "The date {value} lies in none of the fiscal years of the file (EXO). Check both.",
		"La date {value} n'appartient à aucun des exercices du fichier (EXO). Vérifiez les deux.",
	},
	yearReversed: {
		"YEAR_REVERSED", check.Error, Format, "The fiscal year {value} ends before it begins. Correct its dates.",
		"L'exercice {value} se termine avant de commencer. Corrigez ses dates.",
	},
	yearsOpen: {
		"YEARS_OPEN", check.Error, Format, "There are {count} open fiscal years, and two at most can be. Close one.",
		"Le fichier comporte {count} exercices ouverts, et deux au plus sont admis. Clôturez-en un.",
	},
	dueEarly: {
		"DUE_EARLY", check.Notice, 0, "The line is due on {value}, before its date {other}. Check both.",
		"L'échéance du {value} précède la date de la ligne, le {other}. Vérifiez les deux dates.",
	},
	cutoffIncomplete: {
		"CUTOFF_INCOMPLETE", check.Warning, Loop, "One of CUTOFFDEB and CUTOFFFIN is filled without the other, or they are reversed. Loop takes both or neither in its other imports.",
		"L'un des champs CUTOFFDEB et CUTOFFFIN est servi sans l'autre, ou leur ordre est inversé. Loop accepte les deux ou aucun dans ses autres imports.",
	},
	siretInvalid: {
		"SIRET_INVALID", check.Warning, 0, "\"{value}\" in {field} is no SIRET: 14 digits, the last one a check digit. Correct it.",
		"« {value} » dans {field} n'est pas un SIRET : 14 chiffres, dont une clé de contrôle. Corrigez-le.",
	},
	journalUndescribed: {
		"JOURNAL_UNDESCRIBED", check.Warning, Format, "The journal \"{value}\" has no record JAL in this journal file. Add one.",
		"Le journal « {value} » n'a pas d'enregistrement JAL dans ce fichier de journal. Ajoutez-le.",
	},
	journalReserved: {
		"JOURNAL_RESERVED", check.Warning, Loop, "The journal \"{value}\" is reserved for the opening balances that Loop makes itself. Make sure that they are not booked twice.",
		"Le journal « {value} » est réservé aux à-nouveaux générés par Loop. Assurez-vous qu'ils ne soient pas comptabilisés deux fois.",
	},
	journalCounterpart: {
		"JOURNAL_COUNTERPART", check.Error, Format, "The journal \"{value}\" is one of a bank or of cash, and names no counterpart account. Fill in positions 54 to 70.",
		"Le journal « {value} » est un journal de banque ou de caisse sans compte de contrepartie. Renseignez les positions 54 à 70.",
	},
	journalAxis: {
		"JOURNAL_AXIS", check.Error, Format, "The journal \"{value}\" is analytic (ODA), and names no axis. Fill in positions 71 to 73.",
		"Le journal « {value} » est analytique (ODA) sans axe. Renseignez les positions 71 à 73.",
	},
	journalMode: {
		"JOURNAL_MODE", check.Error, Format, "The journal {journal} is kept in mode {value}, which takes normal entries only, and this one is of type {other}. Use another journal, or N.",
		"Le journal {journal} est tenu en mode {value}, qui n'admet que des écritures normales, et celle-ci est de type {other}. Utilisez un autre journal, ou N.",
	},
	accountForbidden: {
		"ACCOUNT_FORBIDDEN", check.Error, Format, "The account {value} is forbidden in the journal {journal}, by its record JAL. Use another account or journal.",
		"Le compte {value} est interdit dans le journal {journal}, selon son enregistrement JAL. Utilisez un autre compte ou un autre journal.",
	},
	closed: {
		"CLOSED", check.Warning, Format, "\"{value}\" in {field} is closed, by its record in this file. Use another one, or open it.",
		"« {value} » dans {field} est fermé, selon son enregistrement dans ce fichier. Utilisez-en un autre, ou rouvrez-le.",
	},
	accountNotCollective: {
		"ACCOUNT_NOT_COLLECTIVE", check.Error, Format, "The line has a third party, and its account {value} is not collective, by its record CGN. Use a collective account.",
		"La ligne porte un tiers, et son compte {value} n'est pas collectif, selon son enregistrement CGN. Utilisez un compte collectif.",
	},
	thirdPartyExpected: {
		"THIRD_PARTY_EXPECTED", check.Warning, 0, "The account {value} is collective, by its record CGN, and the line has no third party. Write X in position 31, and the third party.",
		"Le compte {value} est collectif, selon son enregistrement CGN, et la ligne ne porte pas de tiers. Écrivez X en position 31, et le tiers.",
	},
	thirdPartyAccount: {
		"THIRD_PARTY_ACCOUNT", check.Notice, 0, "The third party {value} belongs to the account {other}, by its record CAE, and the line is on {account}. Check it.",
		"Le tiers {value} relève du compte {other}, selon son enregistrement CAE, et la ligne est sur {account}. Vérifiez-la.",
	},
	collectiveDiffers: {
		"COLLECTIVE_DIFFERS", check.Warning, Format, "The account {value} is marked as collective or not (position 350) against its nature {other}. Collective are COC, COD, COF and COS.",
		"Le compte {value} est marqué collectif ou non (position 350) contrairement à sa nature {other}. Sont collectifs COC, COD, COF et COS.",
	},
	matchableNature: {
		"MATCHABLE_NATURE", check.Warning, Format, "The account {value} is marked as matchable, and its nature {other} is not. Matchable are TIC and TID.",
		"Le compte {value} est marqué lettrable, et sa nature {other} ne l'est pas. Sont lettrables TIC et TID.",
	},
	analyticOrphan: {
		"ANALYTIC_ORPHAN", check.Error, Format, "The analytic line breaks down no line before it: journal, date, document and account must be the same. Put it behind its general line.",
		"La ligne analytique ne ventile aucune ligne qui la précède : journal, date, pièce et compte doivent être les mêmes. Placez-la après sa ligne générale.",
	},
	analyticUnbalanced: {
		"ANALYTIC_UNBALANCED", check.Error, Format | Books, "The analytic lines on axis {axis} add up to {sum}, and the line on account {account} that they break down to {amount}. Correct one of them.",
		"Les lignes analytiques de l'axe {axis} totalisent {sum}, et la ligne du compte {account} qu'elles ventilent {amount}. Corrigez l'une ou l'autre.",
	},
	analyticUnexpected: {
		"ANALYTIC_UNEXPECTED", check.Warning, Format, "The account {value} is not broken down on axis {axis}, by its record CGN. Leave the analytic line out, or mark the account.",
		"Le compte {value} n'est pas ventilable sur l'axe {axis}, selon son enregistrement CGN. Supprimez la ligne analytique, ou marquez le compte.",
	},
	amountInvalid: {
		"AMOUNT_INVALID", check.Error, Format, "\"{value}\" in {field} is not a number. Write digits and a decimal comma, such as 1234,50.",
		"« {value} » dans {field} n'est pas un nombre. Écrivez des chiffres et une virgule décimale, par exemple 1234,50.",
	},
	amountAmbiguous: {
		"AMOUNT_AMBIGUOUS", check.Error, Format, "\"{value}\" in {field} can be read in two ways: its point may mark thousands or decimals. Write a decimal comma and no other mark, such as 1234,50.",
		"« {value} » dans {field} peut se lire de deux façons : son point peut séparer les milliers ou les décimales. Écrivez une virgule décimale et aucun autre signe, par exemple 1234,50.",
	},
	amountForm: {
		"AMOUNT_FORM", check.Error, Format, "\"{value}\" in {field} is not written as the format wants. Write digits, a decimal comma between them and nothing else, a minus before them: {better}.",
		"« {value} » dans {field} n'est pas écrit comme le format l'exige. Écrivez des chiffres, une virgule décimale entre eux et rien d'autre, un signe moins devant : {better}.",
	},
	amountPrecision: {
		"AMOUNT_PRECISION", check.Error, Books, "\"{value}\" in {field} has parts of a cent. Round it, so that the entry balances in cents.",
		"« {value} » dans {field} comporte des fractions de centime. Arrondissez-le, de sorte que l'écriture soit équilibrée au centime.",
	},
	amountTooLarge: {
		"AMOUNT_TOO_LARGE", check.Error, 0, "\"{value}\" in {field} has more than 13 digits before the comma. Check it.",
		"« {value} » dans {field} a plus de 13 chiffres avant la virgule. Vérifiez-le.",
	},
	amountNegative: {
		"AMOUNT_NEGATIVE", check.Notice, 0, "The amount \"{value}\" in {field} is negative. The other side would be plainer.",
		"Le montant « {value} » dans {field} est négatif. L'autre sens serait plus clair.",
	},
	amountZero: {
		"AMOUNT_ZERO", check.Warning, 0, "The line has no amount. Take it out unless it is meant.",
		"La ligne n'a pas de montant. Supprimez-la, sauf si elle est voulue.",
	},
	amountMissing: {
		"AMOUNT_MISSING", check.Error, Format, "CODEMONTANT is \"{value}\", and {field} is empty. Fill it in, or write - for it.",
		"CODEMONTANT vaut « {value} », et {field} est vide. Renseignez-le, ou indiquez - pour lui.",
	},
	amountUncoded: {
		"AMOUNT_UNCODED", check.Warning, Format, "CODEMONTANT is \"{value}\", by which {field} is empty, and it is not. Say what it is, or empty it.",
		"CODEMONTANT vaut « {value} », selon quoi {field} est vide, et il ne l'est pas. Indiquez ce qu'il contient, ou videz-le.",
	},
	currencyInvalid: {
		"CURRENCY_INVALID", check.Warning, Format, "\"{value}\" in DEVISE is not a currency. Write its ISO 4217 code, such as USD.",
		"« {value} » dans DEVISE n'est pas une devise. Écrivez son code ISO 4217, par exemple USD.",
	},
	currencyMissing: {
		"CURRENCY_MISSING", check.Error, Format, "There is an amount in a currency, and no currency. Fill in DEVISE, or write E in CODEMONTANT.",
		"Un montant en devise est servi sans la devise. Renseignez DEVISE, ou écrivez E dans CODEMONTANT.",
	},
	currencyUnused: {
		"CURRENCY_UNUSED", check.Notice, 0, "There is the currency \"{value}\", and no amount in it. Leave DEVISE blank for amounts in euro.",
		"La devise « {value} » est servie sans montant dans cette devise. Laissez DEVISE à blanc pour des montants en euros.",
	},
	rateMissing: {
		"RATE_MISSING", check.Error, Format, "The amount in {value} has neither a rate, nor an amount in euro beside it, nor a record DEV before it. Fill in TAUXDEV or an amount in euro.",
		"Le montant en {value} n'a ni taux, ni contre-valeur en euros, ni enregistrement DEV qui le précède. Renseignez TAUXDEV ou une contre-valeur en euros.",
	},
	referenceMissing: {
		"REFERENCE_MISSING", check.Warning, 0, "The line has neither a number nor a reference: all such lines of a journal, day and type of document count as one entry. Fill in NUMEROPIECE or REFINTERNE.",
		"La ligne n'a ni numéro ni référence : toutes ces lignes d'un même journal, jour et type de pièce comptent pour une seule écriture. Renseignez NUMEROPIECE ou REFINTERNE.",
	},
	numbersMixed: {
		"NUMBERS_MIXED", check.Error, Format, "NUMEROPIECE is filled on some lines and empty on others. Fill it in on all lines of the file, or on none.",
		"NUMEROPIECE est servi sur certaines lignes et vide sur d'autres. Renseignez-le sur toutes les lignes du fichier, ou sur aucune.",
	},
	extendedMissing: {
		"EXTENDED_MISSING", check.Warning, Format | Loop, "The field {field} is empty, which the extended format wants filled, and Loop too, it is said. Fill it in.",
		"Le champ {field} est vide, alors que le format étendu le demande, et Loop aussi, semble-t-il. Renseignez-le.",
	},
	loopFieldMissing: {
		"LOOP_FIELD_MISSING", check.Warning, Loop, "The field {field} is empty, which Loop is said to want filled. Fill it in.",
		"Le champ {field} est vide, alors que Loop le demanderait. Renseignez-le.",
	},
	vatFieldMissing: {
		"VAT_FIELD_MISSING", check.Notice, Format, "The field {field} is empty, which the extended format wants filled on invoices and credit notes. Fill it in.",
		"Le champ {field} est vide, alors que le format étendu le demande sur les factures et les avoirs. Renseignez-le.",
	},
	letteringCodeMissing: {
		"LETTERING_CODE_MISSING", check.Warning, Format, "The line is lettered ({value}) without a code. Fill in LETTRAGE, or correct ETATLETTRAGE.",
		"La ligne est lettrée ({value}) sans code. Renseignez LETTRAGE, ou corrigez ETATLETTRAGE.",
	},
	letteringCodeUnused: {
		"LETTERING_CODE_UNUSED", check.Warning, Format, "The line has the lettering code \"{value}\" in the state \"{other}\", which has none. Empty LETTRAGE, or correct ETATLETTRAGE.",
		"La ligne porte le code lettrage « {value} » dans l'état « {other} », qui n'en a pas. Videz LETTRAGE, ou corrigez ETATLETTRAGE.",
	},
	letteringCase: {
		"LETTERING_CASE", check.Warning, Format, "The lettering code \"{value}\" does not go with the state {other}: capitals for TL, small letters for PL. Correct one of them.",
		"Le code lettrage « {value} » ne correspond pas à l'état {other} : majuscules pour TL, minuscules pour PL. Corrigez l'un des deux.",
	},
	letteringTooLong: {
		"LETTERING_TOO_LONG", check.Warning, Format, "The lettering code \"{value}\" has more than 4 characters. Shorten it.",
		"Le code lettrage « {value} » dépasse 4 caractères. Raccourcissez-le.",
	},
	letteringUnread: {
		"LETTERING_UNREAD", check.Notice, Format, "The lettering code \"{value}\" is read in files of a whole dossier (DOS, SYN) only, not in a journal.",
		"Le code lettrage « {value} » n'est lu que dans les fichiers de dossier (DOS, SYN), pas dans un journal.",
	},
	letteringState: {
		"LETTERING_STATE", check.Notice, Loop, "A line with a third party is marked as not matchable (RI), and Loop is said to want AL there. Check it.",
		"Une ligne de tiers est marquée non lettrable (RI), et Loop y demanderait AL. Vérifiez-la.",
	},
	entryUnbalanced: {
		"ENTRY_UNBALANCED", check.Error, Format | Books, "The entry {entry} of journal {journal}, which begins here, does not balance: debit {debit}, credit {credit}, difference {difference}. Correct an amount, or add the line that is missing.",
		"L'écriture {entry} du journal {journal}, qui commence ici, n'est pas équilibrée : débit {debit}, crédit {credit}, écart {difference}. Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	fileUnbalanced: {
		"FILE_UNBALANCED", check.Error, Books, "The file does not balance: debit {debit}, credit {credit}, difference {difference}. Check that it is whole.",
		"Le fichier n'est pas équilibré : débit {debit}, crédit {credit}, écart {difference}. Vérifiez qu'il est complet.",
	},
	unitsMixed: {
		"UNITS_MIXED", check.Notice, 0, "The entry {entry} has lines with an amount in euro and lines without, or lines in several currencies alone: its balance is not checked.",
		"L'écriture {entry} comporte des lignes avec et sans montant en euros, ou uniquement des montants en plusieurs devises : son équilibre n'est pas vérifié.",
	},
	entryScattered: {
		"ENTRY_SCATTERED", check.Notice, 0, "The entry {entry} of journal {journal} goes on here, after other entries. Keep the lines of an entry together.",
		"L'écriture {entry} du journal {journal} se poursuit ici, après d'autres écritures. Regroupez les lignes d'une écriture.",
	},
	totalTooLarge: {
		"TOTAL_TOO_LARGE", check.Error, 0, "The amounts add up to more than can be counted. Check them.",
		"Le total des montants dépasse ce qui peut être calculé. Vérifiez-les.",
	},
	entriesUnfollowed: {
		"ENTRIES_UNFOLLOWED", check.Warning, 0, "More than {most} entries are out of balance at the same time: those that begin from here on are not checked one by one. Keep the lines of an entry together.",
		"Plus de {most} écritures sont déséquilibrées simultanément : celles qui commencent à partir d'ici ne sont pas vérifiées une à une. Regroupez les lignes d'une écriture.",
	},
	totalsIncomplete: {
		"TOTALS_INCOMPLETE", check.Warning, 0, "There are more than {most} codes in {field}, such as \"{value}\". The others are not told apart.",
		"Il y a plus de {most} codes dans {field}, comme « {value} ». Les suivants ne sont pas distingués.",
	},
}
