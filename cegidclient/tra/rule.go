package tra

import (
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

// Ground says who objects to what was found; see package check.
type Ground = check.Ground

// The grounds. What Loop wants of a TRA only integrators tell, or its other imports do (loop-api: A 2.1, 3.3): no page of
// Cegid's that could be read confirms it.
const (
	Format = check.Format
	Books  = check.Books
	Loop   = check.Loop
)

// Rule describes a code.
type Rule = filecheck.Rule

// Codes lists every code that the package can find. The caller owns it.
func Codes() []Rule { return slices.Clone(rules[:]) }

// code indexes the rules.
type code uint8

const (
	fileCompressed code = iota
	encodingUTF16
	notText
	notTRA
	linesNotSeparated
	noLines
	headerMissing
	headerRepeated
	headerLoop
	balanceExtended
	versionOther
	byteOrderMark
	encodingUTF8
	encodingMixed
	encodingCP850
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
	timeInvalid
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
	extensionAbsent
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
	entryDateImplausible
	thirdPartyMissing
	referenceUnsearchable
	vatRateUnknown
	sidesSwapped

	numCodes
)

var rules = [numCodes]Rule{
	fileCompressed: {
		Code: "FILE_COMPRESSED", Severity: check.Error, Grounds: Format,
		HidesInFile: []string{"LINE_EMPTY"},
		Message:     "The file is a compressed archive or a spreadsheet ({value}). Unpack it, or save it as text, and send the text file.",
		French: "Le fichier est une archive compressée ou un classeur ({value}). Décompressez-le ou enregistrez-le en texte, " +
			"et envoyez le fichier texte.",
	},
	encodingUTF16: {
		Code: "ENCODING_UTF16", Severity: check.Error, Grounds: Format,
		Message: "The file is in {value}. Save it in Windows-1252.",
		French:  "Le fichier est codé en {value}. Enregistrez-le en Windows-1252.",
	},
	notText: {
		Code: "NOT_TEXT", Severity: check.Error, Grounds: Format,
		HidesInFile: []string{"LINE_EMPTY"},
		Message:     "The file is not a text ({value}). Send the TRA itself, a text with one line per movement.",
		French:      "Le fichier n'est pas un texte ({value}). Envoyez le TRA lui-même, un texte comportant une ligne par mouvement.",
	},
	notTRA: {
		Code: "NOT_A_TRA", Severity: check.Error, Grounds: Format,
		Message: "The first line is neither a header of a TRA nor a movement: \"{value}\". Begin with *** and the kind of file, " +
			"such as ***S5CLIJRLETE.",
		French: "La première ligne n'est ni l'en-tête d'un TRA ni un mouvement : « {value} ». Commencez par *** et le type de fichier, " +
			"par exemple ***S5CLIJRLETE.",
	},
	linesNotSeparated: {
		Code: "LINES_NOT_SEPARATED", Severity: check.Error, Grounds: Format,
		Message: "The whole file is one line: its lines are not separated, or their ends were lost on the way. End each line with CR and LF; " +
			"with curl, send the file by --data-binary or -T, not by -d.",
		French: "Le fichier entier tient sur une ligne : les lignes ne sont pas séparées, ou leurs fins ont été perdues en route. " +
			"Terminez chaque ligne par CR et LF ; avec curl, envoyez le fichier par --data-binary ou -T, pas par -d.",
	},
	noLines: {
		Code: "NO_LINES", Severity: check.Error, Grounds: Format,
		HidesInFile: []string{"LINE_EMPTY"},
		Message:     "The file holds no movement. Send one with at least one entry.",
		French:      "Le fichier ne contient aucun mouvement. Envoyez-en un comportant au moins une écriture.",
	},
	headerMissing: {
		Code: "HEADER_MISSING", Severity: check.Error, Grounds: Format,
		Message: "The file begins without a header. Put one before everything else, such as ***S5CLIJRLETE.",
		French:  "Le fichier commence sans en-tête. Faites-le précéder d'un en-tête, par exemple ***S5CLIJRLETE.",
	},
	headerRepeated: {
		Code: "HEADER_REPEATED", Severity: check.Error, Grounds: Format,
		Message: "There is another header, as if files had been put together. Send each by itself.",
		French:  "Un autre en-tête figure ici, comme si plusieurs fichiers avaient été réunis. Envoyez-les séparément.",
	},
	headerLoop: {
		Code: "HEADER_LOOP", Severity: check.Warning, Grounds: Loop,
		Message: "The file begins with \"{value}\", and Loop is said to want ***S5CLIJRLETE. Export a journal in the extended format.",
		French:  "Le fichier commence par « {value} », et Loop demanderait ***S5CLIJRLETE. Exportez un journal au format étendu.",
	},
	balanceExtended: {
		Code: "BALANCE_EXTENDED", Severity: check.Error, Grounds: Format,
		HidesOnLine: []string{"HEADER_LOOP"},
		Message:     "The file is a balance (BAL) in the extended format. Write a balance in the standard format (STD).",
		French:      "Le fichier est une balance (BAL) au format étendu. Écrivez une balance au format standard (STD).",
	},
	versionOther: {
		Code: "VERSION_OTHER", Severity: check.Notice,
		Message: "The file is of version \"{value}\"; it is read as version 011, which later positions may not suit.",
		French:  "Le fichier est en version « {value} » ; il est lu comme la version 011, dont certaines positions peuvent différer.",
	},
	byteOrderMark: {
		Code: "BYTE_ORDER_MARK", Severity: check.Warning, Grounds: Format,
		Message: "The file begins with a byte order mark, which shifts the positions of the first line. Save it without, in Windows-1252.",
		French: "Le fichier commence par une marque d'ordre des octets (BOM), qui décale les positions de la première ligne. " +
			"Enregistrez-le sans elle, en Windows-1252.",
	},
	encodingUTF8: {
		Code: "ENCODING_UTF8", Severity: check.Warning, Grounds: Format,
		Message: "The file is in UTF-8, see \"{value}\"; its positions are counted in characters here, and may be counted in bytes elsewhere. " +
			"Save it in Windows-1252.",
		French: "Le fichier est codé en UTF-8, voir « {value} » ; ses positions sont comptées ici en caractères, et peuvent l'être ailleurs " +
			"en octets. Enregistrez-le en Windows-1252.",
	},
	encodingMixed: {
		Code: "ENCODING_MIXED", Severity: check.Warning, Grounds: Format,
		Message: "The file is partly in UTF-8 and partly not, see \"{value}\". Save all of it in Windows-1252.",
		French:  "Le fichier est en partie en UTF-8 et en partie non, voir « {value} ». Enregistrez-le entièrement en Windows-1252.",
	},
	encodingCP850: {
		Code: "ENCODING_CP850", Severity: check.Warning, Grounds: Format,
		Message: "The file looks like CP850, the code page of DOS, such as in \"{value}\": its accents are shown wrongly elsewhere. " +
			"Save it in Windows-1252.",
		French: "Le fichier semble codé en CP850, la page de codes de DOS, par exemple dans « {value} » : ses accents s'affichent mal " +
			"ailleurs. Enregistrez-le en Windows-1252.",
	},
	controlCharacter: {
		Code: "CONTROL_CHARACTER", Severity: check.Warning,
		Message: "The line holds a control character, such as a tab, which takes one position: \"{value}\". Take it out.",
		French:  "La ligne contient un caractère de contrôle, comme une tabulation, qui occupe une seule position : « {value} ». Supprimez-le.",
	},
	lineTooLong: {
		Code: "LINE_TOO_LONG", Severity: check.Error,
		Message: "The line has more than {most} bytes. Check that lines end with CR and LF.",
		French:  "La ligne dépasse {most} octets. Vérifiez que les lignes se terminent par CR et LF.",
	},
	lineEmpty: {
		Code: "LINE_EMPTY", Severity: check.Notice, Grounds: Format,
		Message: "The line is empty. Take it out.",
		French:  "La ligne est vide. Supprimez-la.",
	},
	lineEndingsMixed: {
		Code: "LINE_ENDINGS_MIXED", Severity: check.Notice,
		Message: "The line ends with {value}, the first one with {other}. End all lines alike, best with CR and LF.",
		French: "La ligne se termine par {value}, la première par {other}. Terminez toutes les lignes de la même façon, " +
			"de préférence par CR et LF.",
	},
	lineTooShort: {
		Code: "LINE_TOO_SHORT", Severity: check.Error, Grounds: Format,
		HidesInFile: []string{"LINE_UNKNOWN"}, // its other half
		Message: "The line ends after {count} {count:character|characters}, before what a movement must have. " +
			"Check that it was not broken in two.",
		French: "La ligne s'arrête après {count} {count:caractère|caractères}, avant ce qu'un mouvement doit contenir. " +
			"Vérifiez qu'elle n'a pas été coupée en deux.",
	},
	lineShifted: {
		Code: "LINE_SHIFTED", Severity: check.Error, Grounds: Format,
		Message: "Side and amount are {count} {count:position|positions} to the {where} of where they belong: a field before them has a wrong " +
			"width. Write each field at its position.",
		French: "Le sens et le montant se trouvent {count} {count:position|positions} trop à {where} : un champ qui précède n'a pas la bonne " +
			"largeur. Écrivez chaque champ à sa position.",
	},
	lineUnknown: {
		Code: "LINE_UNKNOWN", Severity: check.Error, Grounds: Format,
		Message: "The line is no movement: neither its date nor its side is where it belongs. Check that it is whole, and of this format.",
		French: "La ligne n'est pas un mouvement : ni sa date ni son sens ne sont à leur place. " +
			"Vérifiez qu'elle est entière, et dans ce format.",
	},
	lineBeyond: {
		Code: "LINE_BEYOND", Severity: check.Notice,
		Message: "The line goes on behind its last known position, {most}. Nothing there is read.",
		French:  "La ligne se poursuit au-delà de sa dernière position connue, {most}. La suite n'est pas lue.",
	},
	extendedInStandard: {
		Code: "EXTENDED_IN_STANDARD", Severity: check.Warning, Grounds: Format,
		Message: "The line goes on behind position 222, and the file is in the standard format (STD), in which nothing there is read. " +
			"Write ETE in the header.",
		French: "La ligne se poursuit au-delà de la position 222, et le fichier est au format standard (STD), où la suite n'est pas lue. " +
			"Écrivez ETE dans l'en-tête.",
	},
	recordUnknown: {
		Code: "RECORD_UNKNOWN", Severity: check.Notice,
		Message: "The record \"{value}\" is not known here, and is not read.",
		French:  "L'enregistrement « {value} » n'est pas connu ici, et n'est pas lu.",
	},
	recordLate: {
		Code: "RECORD_LATE", Severity: check.Error, Grounds: Format,
		Message: "The record \"{value}\" comes after movements. Put all parameters before them.",
		French:  "L'enregistrement « {value} » vient après des mouvements. Placez tous les paramètres avant eux.",
	},
	recordRepeated: {
		Code: "RECORD_REPEATED", Severity: check.Warning,
		Message: "The record {value} describes the code \"{code}\" again. Keep one.",
		French:  "L'enregistrement {value} décrit à nouveau le code « {code} ». N'en gardez qu'un.",
	},
	recordAnalytics: {
		Code: "RECORD_ANALYTICS", Severity: check.Warning, Grounds: Format,
		Message: "The record {value} does not go with the header, whose position 148 says which analytics the file is written in. " +
			"Use NSA with an X there, else SAT.",
		French: "L'enregistrement {value} ne correspond pas à l'en-tête, dont la position 148 indique l'analytique employée. " +
			"Utilisez NSA avec un X à cette position, sinon SAT.",
	},
	fieldRequired: {
		Code: "FIELD_REQUIRED", Severity: check.Error, Grounds: Format,
		Message: "The field {field} is empty, and the line cannot be used without it. Fill it in.",
		French:  "Le champ {field} est vide, et la ligne n'est pas exploitable sans lui. Renseignez-le.",
	},
	fieldUnused: {
		Code: "FIELD_UNUSED", Severity: check.Warning, Grounds: Format,
		Message: "The field {field} holds \"{value}\", which a line of this kind does not use. Empty it, or correct the kind in position 31.",
		French:  "Le champ {field} contient « {value} », qu'une ligne de ce type n'utilise pas. Videz-le, ou corrigez le type en position 31.",
	},
	valueInvalid: {
		Code: "VALUE_INVALID", Severity: check.Error, Grounds: Format,
		HidesOnLine: []string{"HEADER_LOOP"},
		Message:     "\"{value}\" in {field} is none of {values}. Correct it.",
		French:      "« {value} » dans {field} ne fait pas partie de {values}. Corrigez-le.",
	},
	valueUnknown: {
		Code: "VALUE_UNKNOWN", Severity: check.Warning, Grounds: Format,
		HidesOnLine: []string{"HEADER_LOOP"},
		Message:     "\"{value}\" in {field} is none of {values}. Check it.",
		French:      "« {value} » dans {field} ne fait pas partie de {values}. Vérifiez-le.",
	},
	flagInvalid: {
		Code: "FLAG_INVALID", Severity: check.Warning, Grounds: Format,
		Message: "\"{value}\" in {field} is neither X nor -. Write one of them.",
		French:  "« {value} » dans {field} n'est ni X ni -. Écrivez l'un des deux.",
	},
	textMisaligned: {
		Code: "TEXT_MISALIGNED", Severity: check.Warning, Grounds: Format,
		Message: "The field {field} begins with blanks: \"{value}\". Write texts from the left.",
		French:  "Le champ {field} commence par des espaces : « {value} ». Cadrez les textes à gauche.",
	},
	numberMisaligned: {
		Code: "NUMBER_MISALIGNED", Severity: check.Warning, Grounds: Format,
		Message: "The field {field} ends with blanks: \"{value}\". Write numbers to the right.",
		French:  "Le champ {field} se termine par des espaces : « {value} ». Cadrez les nombres à droite.",
	},
	labelOverflows: {
		Code: "LABEL_OVERFLOWS", Severity: check.Error, Grounds: Format,
		Message: "The label runs on behind its 35 positions, into payment mode and due date: \"{value}\". Shorten it.",
		French:  "Le libellé dépasse ses 35 positions et empiète sur le mode de paiement et l'échéance : « {value} ». Raccourcissez-le.",
	},
	labelFull: {
		Code: "LABEL_FULL", Severity: check.Notice,
		Message: "The label \"{value}\" takes all of its 35 positions. See that nothing was cut off.",
		French:  "Le libellé « {value} » occupe ses 35 positions. Vérifiez que rien n'a été coupé.",
	},
	dateMalformed: {
		Code: "DATE_INVALID", Severity: check.Error, Grounds: Format,
		Message: "\"{value}\" in {field} is not a date. Write eight digits, day, month and year, such as 31032026.",
		French:  "« {value} » dans {field} n'est pas une date. Écrivez huit chiffres, jour, mois et année, par exemple 31032026.",
	},
	dateNotReal: {
		Code: "DATE_NOT_REAL", Severity: check.Error, Grounds: Format,
		Message: "There is no day {value}, given in {field}. Correct it.",
		French:  "Le jour {value} indiqué dans {field} n'existe pas. Corrigez-le.",
	},
	dateFormat: {
		Code: "DATE_FORMAT", Severity: check.Error, Grounds: Format,
		Message: "The date \"{value}\" in {field} begins with the year. Write {better}.",
		French:  "La date « {value} » dans {field} commence par l'année. Écrivez {better}.",
	},
	timeInvalid: {
		Code: "TIME_INVALID", Severity: check.Warning, Grounds: Format,
		Message: "\"{value}\" in {field} is not a date and a time. Write day, month, year, hour and minute as twelve " +
			"digits, such as 310320261430.",
		French: "« {value} » dans {field} n'est pas une date suivie d'une heure. Écrivez jour, mois, année, heure et minute en douze " +
			"chiffres, par exemple 310320261430.",
	},
	dateImplausible: {
		Code: "DATE_IMPLAUSIBLE", Severity: check.Warning,
		Message: "The date {value} in {field} is far from our time. Check the year.",
		French:  "La date {value} dans {field} est très éloignée de notre époque. Vérifiez l'année.",
	},
	dateOutsideYears: {
		Code: "DATE_OUTSIDE_YEARS", Severity: check.Warning, Grounds: Format,
		Message: "The date {value} lies in none of the fiscal years of the file (EXO). Check both.",
		French:  "La date {value} n'appartient à aucun des exercices du fichier (EXO). Vérifiez les deux.",
	},
	yearReversed: {
		Code: "YEAR_REVERSED", Severity: check.Error, Grounds: Format,
		Message: "The fiscal year {value} ends before it begins. Correct its dates.",
		French:  "L'exercice {value} se termine avant de commencer. Corrigez ses dates.",
	},
	yearsOpen: {
		Code: "YEARS_OPEN", Severity: check.Error, Grounds: Format,
		Message: "There are {count} open fiscal years, and two at most can be. Close one.",
		French:  "Le fichier comporte {count} exercices ouverts, et deux au plus sont admis. Clôturez-en un.",
	},
	dueEarly: {
		Code: "DUE_EARLY", Severity: check.Notice,
		Message: "The line is due on {value}, before its date {other}. Check both.",
		French:  "L'échéance du {value} précède la date de la ligne, le {other}. Vérifiez les deux dates.",
	},
	cutoffIncomplete: {
		Code: "CUTOFF_INCOMPLETE", Severity: check.Warning, Grounds: Loop,
		Message: "One of CUTOFFDEB and CUTOFFFIN is filled without the other, or they are reversed. " +
			"Loop takes both or neither in its other imports.",
		French: "L'un des champs CUTOFFDEB et CUTOFFFIN est servi sans l'autre, ou leur ordre est inversé. " +
			"Loop accepte les deux ou aucun dans ses autres imports.",
	},
	siretInvalid: {
		Code: "SIRET_INVALID", Severity: check.Warning,
		Message: "\"{value}\" in {field} is no SIRET: 14 digits, the last one a check digit. Correct it.",
		French:  "« {value} » dans {field} n'est pas un SIRET : 14 chiffres, dont une clé de contrôle. Corrigez-le.",
	},
	journalUndescribed: {
		Code: "JOURNAL_UNDESCRIBED", Severity: check.Warning, Grounds: Format,
		Message: "The journal \"{value}\" has no record JAL in this journal file. Add one.",
		French:  "Le journal « {value} » n'a pas d'enregistrement JAL dans ce fichier de journal. Ajoutez-le.",
	},
	journalReserved: {
		Code: "JOURNAL_RESERVED", Severity: check.Warning, Grounds: Loop, Strict: true,
		Message: "The journal \"{value}\" is reserved for the opening balances that Loop makes itself. Make sure that they are not booked twice.",
		French:  "Le journal « {value} » est réservé aux à-nouveaux générés par Loop. Assurez-vous qu'ils ne soient pas comptabilisés deux fois.",
	},
	journalCounterpart: {
		Code: "JOURNAL_COUNTERPART", Severity: check.Error, Grounds: Format,
		Message: "The journal \"{value}\" is one of a bank or of cash, and names no counterpart account. Fill in positions 54 to 70.",
		French:  "Le journal « {value} » est un journal de banque ou de caisse sans compte de contrepartie. Renseignez les positions 54 à 70.",
	},
	journalAxis: {
		Code: "JOURNAL_AXIS", Severity: check.Error, Grounds: Format,
		Message: "The journal \"{value}\" is analytic (ODA), and names no axis. Fill in positions 71 to 73.",
		French:  "Le journal « {value} » est analytique (ODA) sans axe. Renseignez les positions 71 à 73.",
	},
	journalMode: {
		Code: "JOURNAL_MODE", Severity: check.Error, Grounds: Format,
		Message: "The journal {journal} is kept in mode {value}, which takes normal entries only, and this one is of type {other}. " +
			"Use another journal, or N.",
		French: "Le journal {journal} est tenu en mode {value}, qui n'admet que des écritures normales, et celle-ci est de type {other}. " +
			"Utilisez un autre journal, ou N.",
	},
	accountForbidden: {
		Code: "ACCOUNT_FORBIDDEN", Severity: check.Error, Grounds: Format,
		Message: "The account {value} is forbidden in the journal {journal}, by its record JAL. Use another account or journal.",
		French: "Le compte {value} est interdit dans le journal {journal}, selon son enregistrement JAL. " +
			"Utilisez un autre compte ou un autre journal.",
	},
	closed: {
		Code: "CLOSED", Severity: check.Warning, Grounds: Format,
		Message: "\"{value}\" in {field} is closed, by its record in this file. Use another one, or open it.",
		French:  "« {value} » dans {field} est fermé, selon son enregistrement dans ce fichier. Utilisez-en un autre, ou rouvrez-le.",
	},
	accountNotCollective: {
		Code: "ACCOUNT_NOT_COLLECTIVE", Severity: check.Error, Grounds: Format,
		HidesOnLine: []string{"THIRD_PARTY_ACCOUNT"},
		Message:     "The line has a third party, and its account {value} is not collective, by its record CGN. Use a collective account.",
		French: "La ligne porte un tiers, et son compte {value} n'est pas collectif, selon son enregistrement CGN. " +
			"Utilisez un compte collectif.",
	},
	thirdPartyExpected: {
		Code: "THIRD_PARTY_EXPECTED", Severity: check.Warning,
		Message: "The account {value} is collective, by its record CGN, and the line has no third party. " +
			"Write X in position 31, and the third party.",
		French: "Le compte {value} est collectif, selon son enregistrement CGN, et la ligne ne porte pas de tiers. " +
			"Écrivez X en position 31, et le tiers.",
	},
	thirdPartyAccount: {
		Code: "THIRD_PARTY_ACCOUNT", Severity: check.Notice,
		Message: "The third party {value} belongs to the account {other}, by its record CAE, and the line is on {account}. Check it.",
		French:  "Le tiers {value} relève du compte {other}, selon son enregistrement CAE, et la ligne est sur {account}. Vérifiez-la.",
	},
	collectiveDiffers: {
		Code: "COLLECTIVE_DIFFERS", Severity: check.Warning, Grounds: Format,
		Message: "The account {value} is marked as collective or not (position 350) against its nature {other}. " +
			"Collective are COC, COD, COF and COS.",
		French: "Le compte {value} est marqué collectif ou non (position 350) contrairement à sa nature {other}. " +
			"Sont collectifs COC, COD, COF et COS.",
	},
	matchableNature: {
		Code: "MATCHABLE_NATURE", Severity: check.Warning, Grounds: Format,
		Message: "The account {value} is marked as matchable, and its nature {other} is not. Matchable are TIC and TID.",
		French:  "Le compte {value} est marqué lettrable, et sa nature {other} ne l'est pas. Sont lettrables TIC et TID.",
	},
	analyticOrphan: {
		Code: "ANALYTIC_ORPHAN", Severity: check.Error, Grounds: Format,
		Message: "The analytic line breaks down no line before it: journal, date, document and account must be the same. " +
			"Put it behind its general line.",
		French: "La ligne analytique ne ventile aucune ligne qui la précède : journal, date, pièce et compte doivent être les mêmes. " +
			"Placez-la après sa ligne générale.",
	},
	analyticUnbalanced: {
		Code: "ANALYTIC_UNBALANCED", Severity: check.Error, Grounds: Format | Books,
		Message: "The analytic lines on axis {axis} add up to {sum}, and the line on account {account} that they break down to " +
			"{amount}. Correct one of them.",
		French: "Les lignes analytiques de l'axe {axis} totalisent {sum}, et la ligne du compte {account} qu'elles ventilent {amount}. " +
			"Corrigez l'une ou l'autre.",
	},
	analyticUnexpected: {
		Code: "ANALYTIC_UNEXPECTED", Severity: check.Warning, Grounds: Format,
		Message: "The account {value} is not broken down on axis {axis}, by its record CGN. Leave the analytic line out, or mark the account.",
		French: "Le compte {value} n'est pas ventilable sur l'axe {axis}, selon son enregistrement CGN. " +
			"Supprimez la ligne analytique, ou marquez le compte.",
	},
	amountInvalid: {
		Code: "AMOUNT_INVALID", Severity: check.Error, Grounds: Format,
		Message: "\"{value}\" in {field} is not a number. Write digits and a decimal comma, such as 1234,50.",
		French:  "« {value} » dans {field} n'est pas un nombre. Écrivez des chiffres et une virgule décimale, par exemple 1234,50.",
	},
	amountAmbiguous: {
		Code: "AMOUNT_AMBIGUOUS", Severity: check.Error, Grounds: Format,
		Message: "\"{value}\" in {field} can be read in two ways: its point may mark thousands or decimals. " +
			"Write a decimal comma and no other mark, such as 1234,50.",
		French: "« {value} » dans {field} peut se lire de deux façons : son point peut séparer les milliers ou les décimales. " +
			"Écrivez une virgule décimale et aucun autre signe, par exemple 1234,50.",
	},
	amountForm: {
		Code: "AMOUNT_FORM", Severity: check.Error, Grounds: Format,
		Message: "\"{value}\" in {field} is not written as the format wants. Write digits, a decimal comma between them and nothing else, " +
			"a minus before them: {better}.",
		French: "« {value} » dans {field} n'est pas écrit comme le format l'exige. Écrivez des chiffres, une virgule décimale entre eux et " +
			"rien d'autre, un signe moins devant : {better}.",
	},
	amountPrecision: {
		Code: "AMOUNT_PRECISION", Severity: check.Error, Grounds: Books,
		Message: "\"{value}\" in {field} has parts of a cent. Round it, so that the entry balances in cents.",
		French: "« {value} » dans {field} comporte des fractions de centime. Arrondissez-le, de sorte que l'écriture " +
			"soit équilibrée au centime.",
	},
	amountTooLarge: {
		Code: "AMOUNT_TOO_LARGE", Severity: check.Error,
		Message: "\"{value}\" in {field} has more than 13 digits before the comma. Check it.",
		French:  "« {value} » dans {field} a plus de 13 chiffres avant la virgule. Vérifiez-le.",
	},
	amountNegative: {
		Code: "AMOUNT_NEGATIVE", Severity: check.Notice,
		Message: "The amount \"{value}\" in {field} is negative. The other side would be plainer.",
		French:  "Le montant « {value} » dans {field} est négatif. L'autre sens serait plus clair.",
	},
	amountZero: {
		Code: "AMOUNT_ZERO", Severity: check.Warning,
		Message: "The line has no amount. Take it out unless it is meant.",
		French:  "La ligne n'a pas de montant. Supprimez-la, sauf si elle est voulue.",
	},
	amountMissing: {
		Code: "AMOUNT_MISSING", Severity: check.Error, Grounds: Format,
		Message: "CODEMONTANT is \"{value}\", and {field} is empty. Fill it in, or write - for it.",
		French:  "CODEMONTANT vaut « {value} », et {field} est vide. Renseignez-le, ou indiquez - pour lui.",
	},
	amountUncoded: {
		Code: "AMOUNT_UNCODED", Severity: check.Warning, Grounds: Format,
		Message: "CODEMONTANT is \"{value}\", by which {field} is empty, and it is not. Say what it is, or empty it.",
		French:  "CODEMONTANT vaut « {value} », selon quoi {field} est vide, et il ne l'est pas. Indiquez ce qu'il contient, ou videz-le.",
	},
	currencyInvalid: {
		Code: "CURRENCY_INVALID", Severity: check.Warning, Grounds: Format,
		Message: "\"{value}\" in DEVISE is not a currency. Write its ISO 4217 code, such as USD.",
		French:  "« {value} » dans DEVISE n'est pas une devise. Écrivez son code ISO 4217, par exemple USD.",
	},
	currencyMissing: {
		Code: "CURRENCY_MISSING", Severity: check.Error, Grounds: Format,
		Message: "There is an amount in a currency, and no currency. Fill in DEVISE, or write E in CODEMONTANT.",
		French:  "Un montant en devise est servi sans la devise. Renseignez DEVISE, ou écrivez E dans CODEMONTANT.",
	},
	currencyUnused: {
		Code: "CURRENCY_UNUSED", Severity: check.Notice,
		Message: "There is the currency \"{value}\", and no amount in it. Leave DEVISE blank for amounts in euro.",
		French:  "La devise « {value} » est servie sans montant dans cette devise. Laissez DEVISE à blanc pour des montants en euros.",
	},
	rateMissing: {
		Code: "RATE_MISSING", Severity: check.Error, Grounds: Format,
		Message: "The amount in {value} has neither a rate, nor an amount in euro beside it, nor a record DEV before it. " +
			"Fill in TAUXDEV or an amount in euro.",
		French: "Le montant en {value} n'a ni taux, ni contre-valeur en euros, ni enregistrement DEV qui le précède. " +
			"Renseignez TAUXDEV ou une contre-valeur en euros.",
	},
	referenceMissing: {
		Code: "REFERENCE_MISSING", Severity: check.Warning,
		Message: "The line has neither a number nor a reference: all such lines of a journal, day and type of document count as one entry. " +
			"Fill in NUMEROPIECE or REFINTERNE.",
		French: "La ligne n'a ni numéro ni référence : toutes ces lignes d'un même journal, jour et type de pièce comptent pour une seule " +
			"écriture. Renseignez NUMEROPIECE ou REFINTERNE.",
	},
	numbersMixed: {
		Code: "NUMBERS_MIXED", Severity: check.Error, Grounds: Format,
		Message: "NUMEROPIECE is filled on some lines and empty on others. Fill it in on all lines of the file, or on none.",
		French: "NUMEROPIECE est servi sur certaines lignes et vide sur d'autres. Renseignez-le sur toutes les lignes du " +
			"fichier, ou sur aucune.",
	},
	extendedMissing: {
		Code: "EXTENDED_MISSING", Severity: check.Warning, Grounds: Format | Loop, Together: true,
		Message: "The field {field} is empty, which the extended format wants filled, and Loop too, it is said. Fill it in.",
		French:  "Le champ {field} est vide, alors que le format étendu le demande, et Loop aussi, semble-t-il. Renseignez-le.",
	},
	extensionAbsent: {
		Code: "EXTENSION_ABSENT", Severity: check.Warning, Grounds: Format | Loop,
		Message: "The line ends before position 223, and the header announces the extended format (ETE), which Loop is said to want. " +
			"Write the extended part of each line, or STD in the header.",
		French: "La ligne s'arrête avant la position 223, alors que l'en-tête annonce le format étendu (ETE), que Loop demanderait. " +
			"Écrivez la partie étendue de chaque ligne, ou STD dans l'en-tête.",
	},
	loopFieldMissing: {
		Code: "LOOP_FIELD_MISSING", Severity: check.Warning, Grounds: Loop,
		Message: "The field {field} is empty, which Loop is said to want filled. Fill it in.",
		French:  "Le champ {field} est vide, alors que Loop le demanderait. Renseignez-le.",
	},
	vatFieldMissing: {
		Code: "VAT_FIELD_MISSING", Severity: check.Notice, Grounds: Format, Together: true,
		Message: "The field {field} is empty, which the extended format wants filled on invoices and credit notes. Fill it in.",
		French:  "Le champ {field} est vide, alors que le format étendu le demande sur les factures et les avoirs. Renseignez-le.",
	},
	letteringCodeMissing: {
		Code: "LETTERING_CODE_MISSING", Severity: check.Warning, Grounds: Format,
		Message: "The line is lettered ({value}) without a code. Fill in LETTRAGE, or correct ETATLETTRAGE.",
		French:  "La ligne est lettrée ({value}) sans code. Renseignez LETTRAGE, ou corrigez ETATLETTRAGE.",
	},
	letteringCodeUnused: {
		Code: "LETTERING_CODE_UNUSED", Severity: check.Warning, Grounds: Format,
		Message: "The line has the lettering code \"{value}\" in the state \"{other}\", which has none. Empty LETTRAGE, or correct ETATLETTRAGE.",
		French:  "La ligne porte le code lettrage « {value} » dans l'état « {other} », qui n'en a pas. Videz LETTRAGE, ou corrigez ETATLETTRAGE.",
	},
	letteringCase: {
		Code: "LETTERING_CASE", Severity: check.Warning, Grounds: Format,
		Message: "The lettering code \"{value}\" does not go with the state {other}: capitals for TL, small letters for PL. Correct one of them.",
		French: "Le code lettrage « {value} » ne correspond pas à l'état {other} : majuscules pour TL, minuscules pour PL. " +
			"Corrigez l'un des deux.",
	},
	letteringTooLong: {
		Code: "LETTERING_TOO_LONG", Severity: check.Warning, Grounds: Format,
		Message: "The lettering code \"{value}\" has more than 4 characters. Shorten it.",
		French:  "Le code lettrage « {value} » dépasse 4 caractères. Raccourcissez-le.",
	},
	letteringUnread: {
		Code: "LETTERING_UNREAD", Severity: check.Notice, Grounds: Format,
		Message: "The lettering code \"{value}\" is read in files of a whole dossier (DOS, SYN) only, not in a journal.",
		French:  "Le code lettrage « {value} » n'est lu que dans les fichiers de dossier (DOS, SYN), pas dans un journal.",
	},
	letteringState: {
		Code: "LETTERING_STATE", Severity: check.Notice, Grounds: Loop,
		Message: "A line with a third party is marked as not matchable (RI), and Loop is said to want AL there. Check it.",
		French:  "Une ligne de tiers est marquée non lettrable (RI), et Loop y demanderait AL. Vérifiez-la.",
	},
	entryUnbalanced: {
		Code: "ENTRY_UNBALANCED", Severity: check.Error, Grounds: Format | Books,
		HidesInFile: []string{"FILE_UNBALANCED"},
		Message: "The entry {entry} of journal {journal}, which begins here, does not balance: debit {debit}, credit {credit}, " +
			"difference {difference}. Correct an amount, or add the line that is missing.",
		French: "L'écriture {entry} du journal {journal}, qui commence ici, n'est pas équilibrée : débit {debit}, crédit {credit}, " +
			"écart {difference}. Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	fileUnbalanced: {
		Code: "FILE_UNBALANCED", Severity: check.Error, Grounds: Books,
		Message: "The file does not balance: debit {debit}, credit {credit}, difference {difference}. Check that it is whole.",
		French:  "Le fichier n'est pas équilibré : débit {debit}, crédit {credit}, écart {difference}. Vérifiez qu'il est complet.",
	},
	unitsMixed: {
		Code: "UNITS_MIXED", Severity: check.Notice,
		Message: "The entry {entry} has lines with an amount in euro and lines without, or lines in several currencies alone: " +
			"its balance is not checked.",
		French: "L'écriture {entry} comporte des lignes avec et sans montant en euros, ou uniquement des montants en plusieurs devises : " +
			"son équilibre n'est pas vérifié.",
	},
	entryScattered: {
		Code: "ENTRY_SCATTERED", Severity: check.Notice,
		Message: "The entry {entry} of journal {journal} goes on here, after other entries. Keep the lines of an entry together.",
		French:  "L'écriture {entry} du journal {journal} se poursuit ici, après d'autres écritures. Regroupez les lignes d'une écriture.",
	},
	totalTooLarge: {
		Code: "TOTAL_TOO_LARGE", Severity: check.Error,
		Message: "The amounts add up to more than can be counted. Check them.",
		French:  "Le total des montants dépasse ce qui peut être calculé. Vérifiez-les.",
	},
	entriesUnfollowed: {
		Code: "ENTRIES_UNFOLLOWED", Severity: check.Warning,
		HidesInFile: []string{"ENTRY_SCATTERED"},
		Message: "More than {most} entries are out of balance at the same time: those that begin from here on are not checked one by one. " +
			"Keep the lines of an entry together.",
		French: "Plus de {most} écritures sont déséquilibrées simultanément : celles qui commencent à partir d'ici ne sont pas vérifiées " +
			"une à une. Regroupez les lignes d'une écriture.",
	},
	totalsIncomplete: {
		Code: "TOTALS_INCOMPLETE", Severity: check.Warning,
		Message: "There are more than {most} codes in {field}, such as \"{value}\". The others are not told apart.",
		French:  "Il y a plus de {most} codes dans {field}, comme « {value} ». Les suivants ne sont pas distingués.",
	},
	entryDateImplausible:  shared("DATE_IMPLAUSIBLE", "ENTRY_DATE_IMPLAUSIBLE", 0),
	thirdPartyMissing:     shared("THIRD_PARTY_MISSING", "THIRD_PARTY_MISSING", Books),
	referenceUnsearchable: notice(shared("REFERENCE_UNSEARCHABLE", "REFERENCE_UNSEARCHABLE", Loop)),
	vatRateUnknown:        shared("VAT_RATE_UNKNOWN", "VAT_RATE_UNKNOWN", Books),
	sidesSwapped:          shared("SIDES_SWAPPED", "SIDES_SWAPPED", Books),
}
