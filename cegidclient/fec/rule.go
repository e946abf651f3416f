package fec

import (
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
)

// Ground says who objects to what was found, a set. The empty set: it is merely odd, or more than this package takes.
type Ground uint8

// The grounds.
const (
	// Law: article A47 A-1 of the Livre des procédures fiscales demands otherwise.
	Law Ground = 1 << iota
	// TaxTool: the tax office's Test Compta Demat calls the file not conforming.
	TaxTool
	// Books: double entry demands otherwise.
	Books
	// Loop: Cegid Loop is known to take it amiss in imports of another format (loop-api: A 2.3).
	Loop
)

// String gives the stable names of the set, such as "law, tax tool"; "odd" for the empty one.
func (g Ground) String() string {
	if g == 0 {
		return "odd"
	}
	var names []string
	for i, name := range [...]string{"law", "tax tool", "books", "loop"} {
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
	nameInvalid code = iota
	sirenInvalid
	fileCompressed
	fileXML
	encodingUTF16
	encodingEBCDIC
	notText
	notFEC
	noLines
	separatorInvalid
	separatorMixed
	headerAbsent
	headerMissing
	headerDuplicate
	headerOrder
	headerNearMiss
	headerCase
	headerExtra
	cashColumnsIncomplete
	byteOrderMark
	encodingUTF8
	encodingCP1252
	encodingMixed
	controlCharacter
	lineTooLong
	lineEmpty
	lineBroken
	lineEndingsMixed
	columnsMissing
	columnsExtra
	trailingSeparator
	trailingSeparatorUneven
	fieldPadded
	fieldRequired
	fieldBlank
	dateInvalid
	dateNotReal
	dateFormat
	dateImplausible
	dateZero
	dateAfterClosing
	datesFarApart
	accountInvalid
	accountClass
	thirdPartyTooLong
	thirdPartyIncomplete
	labelTooLong
	labelDiffers
	journalReserved
	amountInvalid
	amountAmbiguous
	amountPrecision
	amountDecimals
	amountTooLarge
	amountPoint
	amountThousands
	amountSignLast
	amountNegative
	amountBlank
	amountZero
	sideBoth
	senseInvalid
	currencyInvalid
	currencyMissing
	currencyAmountMissing
	letteringDateMissing
	letteringCodeMissing
	entryUnbalanced
	fileUnbalanced
	totalTooLarge
	entryDateDiffers
	entryScattered
	entryNumberGap
	sequenceUnchecked
	documentDateLate
	validationEarly
	validationOrder
	openingNotFirst
	closingEntry
	entriesUnfollowed
	totalsIncomplete

	numCodes
)

const both = Law | TaxTool

var rules = [numCodes]Rule{
	nameInvalid: {
		"NAME_INVALID", check.Warning, both, "The file is named \"{value}\". Name it after the SIREN and the closing day, such as 900000001FEC20261231.txt.",
		"Le fichier s'appelle « {value} ». Nommez-le d'après le SIREN et la date de clôture, par exemple 900000001FEC20261231.txt.",
	},
	sirenInvalid: {
		"SIREN_INVALID", check.Warning, 0, "The SIREN {value} in the file's name has a wrong check digit: a digit is mistyped. Correct it.",
		"La clé de contrôle du SIREN {value} du nom de fichier est fausse : un chiffre est erroné. Corrigez-le.",
	},
	fileCompressed: {
		"FILE_COMPRESSED", check.Error, both, "The file is a compressed archive or a spreadsheet ({value}). Unpack it, or save it as text, and send the text file.",
		"Le fichier est une archive compressée ou un classeur ({value}). Décompressez-le ou enregistrez-le en texte, et envoyez le fichier texte.",
	},
	fileXML: {
		"FILE_XML", check.Error, 0, "The file is XML, which the law allows and this service does not read. Send the flat text file.",
		"Le fichier est au format XML, admis par la loi mais non lu par ce service. Envoyez le fichier à plat.",
	},
	encodingUTF16: {
		"ENCODING_UTF16", check.Error, both, "The file is in {value}. Save it in ISO 8859-15.",
		"Le fichier est codé en {value}. Enregistrez-le en ISO 8859-15.",
	},
	encodingEBCDIC: {
		"ENCODING_EBCDIC", check.Error, 0, "The file is in EBCDIC, which the law allows and this service does not read. Convert it to ISO 8859-15.",
		"Le fichier est codé en EBCDIC, admis par la loi mais non lu par ce service. Convertissez-le en ISO 8859-15.",
	},
	notText: {
		"NOT_TEXT", check.Error, both, "The file is not a text ({value}). Send the FEC itself, a text with one line per movement.",
		"Le fichier n'est pas un texte ({value}). Envoyez le FEC lui-même, un texte comportant une ligne par mouvement.",
	},
	notFEC: {
		"NOT_A_FEC", check.Error, both, "The first line does not hold the field names of a FEC: \"{value}\". Begin with JournalCode, JournalLib, EcritureNum and so on, with a tab or a | between them.",
		"La première ligne ne contient pas les noms des champs d'un FEC : « {value} ». Commencez par JournalCode, JournalLib, EcritureNum, etc., séparés par une tabulation ou par |.",
	},
	noLines: {
		"NO_LINES", check.Error, TaxTool, "The file holds no movement. Send one with at least one entry.",
		"Le fichier ne contient aucun mouvement. Envoyez-en un comportant au moins une écriture.",
	},
	separatorInvalid: {
		"SEPARATOR_INVALID", check.Error, both, "The fields are separated by \"{value}\". Separate them by a tab or by |.",
		"Les champs sont séparés par « {value} ». Séparez-les par une tabulation ou par |.",
	},
	separatorMixed: {
		"SEPARATOR_MIXED", check.Error, both, "The first line separates fields by tabs and by |. Use one of them in the whole file.",
		"La première ligne sépare les champs par des tabulations et par |. Utilisez un seul séparateur dans tout le fichier.",
	},
	headerAbsent: {
		"HEADER_ABSENT", check.Error, both, "The file begins with a movement. Put the line of field names before it.",
		"Le fichier commence par un mouvement. Faites-le précéder de la ligne des noms de champs.",
	},
	headerMissing: {
		"HEADER_MISSING", check.Error, both, "There is no column {field}. Add it, even if it stays empty.",
		"Il n'y a pas de colonne {field}. Ajoutez-la, même si elle reste vide.",
	},
	headerDuplicate: {
		"HEADER_DUPLICATE", check.Error, Law, "The column {field} is there twice. Keep one.",
		"La colonne {field} figure deux fois. N'en gardez qu'une.",
	},
	headerOrder: {
		"HEADER_ORDER", check.Error, Law, "The column {field} is column {position}, and belongs in column {expected}. Put the columns in the order of the law, other columns after them: a program may read them by position.",
		"La colonne {field} est en position {position} au lieu de {expected}. Mettez les colonnes dans l'ordre de la loi, les autres colonnes ensuite : un programme peut les lire par position.",
	},
	headerNearMiss: {
		"HEADER_NEAR_MISS", check.Warning, both, "The column \"{value}\" is taken for {field}. Name it so.",
		"La colonne « {value} » est considérée comme {field}. Nommez-la ainsi.",
	},
	headerCase: {
		"HEADER_CASE", check.Notice, Law, "The column \"{value}\" is written {field} in the law.",
		"La colonne « {value} » s'écrit {field} dans la loi.",
	},
	headerExtra: {
		"HEADER_EXTRA", check.Notice, 0, "There are columns that the law does not know: {value}. Nothing reads them here.",
		"Des colonnes sont inconnues de la loi : {value}. Elles ne sont pas exploitées ici.",
	},
	cashColumnsIncomplete: {
		"CASH_COLUMNS_INCOMPLETE", check.Warning, both, "A cash-basis file has the columns DateRglt, ModeRglt and NatOp, and {field} is not there. Add it.",
		"Un fichier de comptabilité de trésorerie comporte les colonnes DateRglt, ModeRglt et NatOp, et {field} n'y est pas. Ajoutez-la.",
	},
	byteOrderMark: {
		"BYTE_ORDER_MARK", check.Notice, Law, "The file begins with a byte order mark, which a program may take for a part of the first name. Save it without, in ISO 8859-15.",
		"Le fichier commence par une marque d'ordre des octets (BOM), qu'un programme peut prendre pour une partie du premier nom. Enregistrez-le sans elle, en ISO 8859-15.",
	},
	encodingUTF8: {
		"ENCODING_UTF8", check.Notice, Law, "The file is in UTF-8. The law names ASCII, ISO 8859-15 and EBCDIC: prefer ISO 8859-15.",
		"Le fichier est codé en UTF-8. La loi cite ASCII, ISO 8859-15 et EBCDIC : préférez ISO 8859-15.",
	},
	encodingCP1252: {
		"ENCODING_CP1252", check.Warning, Law, "The file holds characters of Windows-1252, such as in \"{value}\", that other programs show wrongly. Save it in ISO 8859-15.",
		"Le fichier contient des caractères propres à Windows-1252, par exemple dans « {value} », que d'autres programmes affichent mal. Enregistrez-le en ISO 8859-15.",
	},
	encodingMixed: {
		"ENCODING_MIXED", check.Warning, Law, "The file is partly in UTF-8 and partly not, see \"{value}\". Save all of it in ISO 8859-15.",
		"Le fichier est en partie en UTF-8 et en partie non, voir « {value} ». Enregistrez-le entièrement en ISO 8859-15.",
	},
	controlCharacter: {
		"CONTROL_CHARACTER", check.Warning, 0, "\"{value}\" holds a control character. Take it out.",
		"« {value} » contient un caractère de contrôle. Supprimez-le.",
	},
	lineTooLong: {
		"LINE_TOO_LONG", check.Error, 0, "The line has more than {most} bytes. Check that lines end with CR and LF.",
		"La ligne dépasse {most} octets. Vérifiez que les lignes se terminent par CR et LF.",
	},
	lineEmpty: {
		"LINE_EMPTY", check.Warning, TaxTool, "The line is empty. Take it out.",
		"La ligne est vide. Supprimez-la.",
	},
	lineBroken: {
		"LINE_BROKEN", check.Error, both, "The line goes on in the next one: a text holds a line break. Take it out.",
		"La ligne se poursuit sur la suivante : un texte contient un saut de ligne. Supprimez-le.",
	},
	lineEndingsMixed: {
		"LINE_ENDINGS_MIXED", check.Warning, TaxTool, "The line ends with {value}, the first one with {other}. End all lines alike, best with CR and LF.",
		"La ligne se termine par {value}, la première par {other}. Terminez toutes les lignes de la même façon, de préférence par CR et LF.",
	},
	columnsMissing: {
		"COLUMNS_MISSING", check.Error, both, "The line has {count} of {most} columns. Write a separator for each empty field too.",
		"La ligne a {count} colonnes sur {most}. Écrivez aussi un séparateur pour chaque champ vide.",
	},
	columnsExtra: {
		"COLUMNS_EXTRA", check.Error, both, "The line has {count} columns instead of {most}. Take the separator out of the text that holds one.",
		"La ligne a {count} colonnes au lieu de {most}. Retirez le séparateur du texte qui en contient un.",
	},
	trailingSeparator: {
		"TRAILING_SEPARATOR", check.Notice, 0, "The lines end with a separator. It is not needed.",
		"Les lignes se terminent par un séparateur. Il n'est pas nécessaire.",
	},
	trailingSeparatorUneven: {
		"TRAILING_SEPARATOR_UNEVEN", check.Warning, TaxTool, "The line ends with separators that the first one does not have, or lacks the one that it has. Give all lines the same number.",
		"La ligne se termine par des séparateurs que la première n'a pas, ou n'a pas celui qu'elle a. Mettez-en le même nombre sur toutes les lignes.",
	},
	fieldPadded: {
		"FIELD_PADDED", check.Notice, 0, "The field {field} is padded with spaces, which are not counted as part of it.",
		"Le champ {field} est complété par des espaces, qui ne sont pas pris en compte.",
	},
	fieldRequired: {
		"FIELD_REQUIRED", check.Error, both, "The field {field} is empty, and the line cannot be booked without it. Fill it in.",
		"Le champ {field} est vide, et la ligne ne peut pas être comptabilisée sans lui. Renseignez-le.",
	},
	fieldBlank: {
		"FIELD_BLANK", check.Warning, both, "The field {field} is empty, and the law wants it filled. Fill it in before the file goes to the tax office.",
		"Le champ {field} est vide, et la loi exige qu'il soit servi. Renseignez-le avant de remettre le fichier à l'administration.",
	},
	dateInvalid: {
		"DATE_INVALID", check.Error, both, "\"{value}\" in {field} is not a date. Write eight digits, year, month and day, such as 20260331.",
		"« {value} » dans {field} n'est pas une date. Écrivez huit chiffres, année, mois et jour, par exemple 20260331.",
	},
	dateNotReal: {
		"DATE_NOT_REAL", check.Error, Law, "There is no day {value}, given in {field}. Correct it.",
		"Le jour {value} indiqué dans {field} n'existe pas. Corrigez-le.",
	},
	dateFormat: {
		"DATE_FORMAT", check.Error, Law, "The date \"{value}\" in {field} is not written as the law wants. Write {better}.",
		"La date « {value} » dans {field} n'est pas écrite comme la loi l'exige. Écrivez {better}.",
	},
	dateImplausible: {
		"DATE_IMPLAUSIBLE", check.Warning, 0, "The date {value} in {field} is far from our time. Check the year.",
		"La date {value} dans {field} est très éloignée de notre époque. Vérifiez l'année.",
	},
	dateZero: {
		"DATE_ZERO", check.Notice, Law, "The date in {field} is made of zeros and counts as empty. Leave it empty.",
		"La date dans {field} n'est composée que de zéros et compte comme vide. Laissez-la vide.",
	},
	dateAfterClosing: {
		"DATE_AFTER_CLOSING", check.Error, Law, "The entry is dated {value}, after the closing day {closing} in the file's name. Correct one of them: a file holds one year.",
		"L'écriture est datée du {value}, après la date de clôture {closing} du nom de fichier. Corrigez l'une des deux : un fichier contient un seul exercice.",
	},
	datesFarApart: {
		"DATES_FAR_APART", check.Warning, 0, "The entries run from {start} to {end}, more than a year. Check the dates: a file holds one year.",
		"Les écritures vont du {start} au {end}, soit plus d'un an. Vérifiez les dates : un fichier contient un seul exercice.",
	},
	accountInvalid: {
		"ACCOUNT_INVALID", check.Error, Law, "The account \"{value}\" does not begin with three digits of the French chart. Correct it.",
		"Le compte « {value} » ne commence pas par trois chiffres du plan comptable. Corrigez-le.",
	},
	accountClass: {
		"ACCOUNT_CLASS", check.Warning, 0, "The account {value} is in no class from 1 to 8. Check it.",
		"Le compte {value} n'appartient à aucune classe de 1 à 8. Vérifiez-le.",
	},
	thirdPartyTooLong: {
		"THIRD_PARTY_TOO_LONG", check.Error, Loop, "The third-party code \"{value}\" has more than {most} characters, and Loop keeps {most}. Use the code as Loop knows it: a cut code is another third party.",
		"Le code tiers « {value} » compte plus de {most} caractères, et Loop en conserve {most}. Utilisez le code connu de Loop : un code coupé désigne un autre tiers.",
	},
	thirdPartyIncomplete: {
		"THIRD_PARTY_INCOMPLETE", check.Notice, 0, "One of CompAuxNum and CompAuxLib is filled without the other. Fill both or neither.",
		"L'un des champs CompAuxNum et CompAuxLib est servi sans l'autre. Renseignez les deux, ou aucun.",
	},
	labelTooLong: {
		"LABEL_TOO_LONG", check.Notice, Loop, "The label \"{value}\" has more than the {most} characters that Loop keeps.",
		"Le libellé « {value} » dépasse les {most} caractères que Loop conserve.",
	},
	labelDiffers: {
		"LABEL_DIFFERS", check.Warning, 0, "In {field}, \"{value}\" stands for {code}, and \"{other}\" stood for it before. Give each code one label.",
		"Dans {field}, « {value} » désigne {code}, désigné auparavant par « {other} ». Donnez à chaque code un seul libellé.",
	},
	journalReserved: {
		"JOURNAL_RESERVED", check.Warning, Loop, "The journal \"{value}\" is reserved for the opening balances that Loop makes itself. Make sure that they are not booked twice.",
		"Le journal « {value} » est réservé aux à-nouveaux générés par Loop. Assurez-vous qu'ils ne soient pas comptabilisés deux fois.",
	},
	amountInvalid: {
		"AMOUNT_INVALID", check.Error, both, "\"{value}\" in {field} is not an amount. Write digits and a decimal comma, such as 1234,50.",
		"« {value} » dans {field} n'est pas un montant. Écrivez des chiffres et une virgule décimale, par exemple 1234,50.",
	},
	amountAmbiguous: {
		"AMOUNT_AMBIGUOUS", check.Error, both, "\"{value}\" in {field} can be read in two ways: its point may mark thousands or decimals. Write a decimal comma and no other mark, such as 1234,50.",
		"« {value} » dans {field} peut se lire de deux façons : son point peut séparer les milliers ou les décimales. Écrivez une virgule décimale et aucun autre signe, par exemple 1234,50.",
	},
	amountPrecision: {
		"AMOUNT_PRECISION", check.Error, Books, "\"{value}\" in {field} has parts of a cent. Round it, so that the entry balances in cents.",
		"« {value} » dans {field} comporte des fractions de centime. Arrondissez-le, de sorte que l'écriture soit équilibrée au centime.",
	},
	amountDecimals: {
		"AMOUNT_DECIMALS", check.Warning, 0, "\"{value}\" in {field} has more than two decimals, all beyond them zero; it is read as {better}. Write it so, unless thousands were meant.",
		"« {value} » dans {field} a plus de deux décimales, nulles au-delà ; il est lu comme {better}. Écrivez-le ainsi, sauf s'il s'agit de milliers.",
	},
	amountTooLarge: {
		"AMOUNT_TOO_LARGE", check.Error, 0, "\"{value}\" in {field} has more than 13 digits before the comma. Check it.",
		"« {value} » dans {field} a plus de 13 chiffres avant la virgule. Vérifiez-le.",
	},
	amountPoint: {
		"AMOUNT_POINT", check.Warning, both, "\"{value}\" in {field} has a decimal point. Write a comma.",
		"« {value} » dans {field} a un point décimal. Écrivez une virgule.",
	},
	amountThousands: {
		"AMOUNT_THOUSANDS", check.Error, both, "\"{value}\" in {field} separates thousands. Leave the separator out.",
		"« {value} » dans {field} sépare les milliers. Supprimez le séparateur.",
	},
	amountSignLast: {
		"AMOUNT_SIGN_LAST", check.Warning, Law, "\"{value}\" in {field} ends with its sign. Write the sign first.",
		"« {value} » dans {field} se termine par son signe. Écrivez le signe en premier.",
	},
	amountNegative: {
		"AMOUNT_NEGATIVE", check.Notice, 0, "The amount \"{value}\" in {field} is negative. The other side would be plainer.",
		"Le montant « {value} » dans {field} est négatif. L'autre sens serait plus clair.",
	},
	amountBlank: {
		"AMOUNT_BLANK", check.Notice, Law, "The field {field} is empty and counts as zero. Write 0,00.",
		"Le champ {field} est vide et compte pour zéro. Écrivez 0,00.",
	},
	amountZero: {
		"AMOUNT_ZERO", check.Warning, 0, "The line has no amount. Take it out unless it is meant.",
		"La ligne n'a pas de montant. Supprimez-la, sauf si elle est voulue.",
	},
	sideBoth: {
		"SIDE_BOTH", check.Warning, 0, "The line has a debit, {debit}, and a credit, {credit}. Write a line for each.",
		"La ligne a un débit, {debit}, et un crédit, {credit}. Écrivez une ligne pour chacun.",
	},
	senseInvalid: {
		"SENSE_INVALID", check.Error, both, "\"{value}\" in Sens is neither side. Write D or C, or +1 or -1.",
		"« {value} » dans Sens n'indique aucun sens. Écrivez D ou C, ou +1 ou -1.",
	},
	currencyInvalid: {
		"CURRENCY_INVALID", check.Warning, 0, "\"{value}\" in Idevise is not a currency. Write its ISO 4217 code, such as USD.",
		"« {value} » dans Idevise n'est pas une devise. Écrivez son code ISO 4217, par exemple USD.",
	},
	currencyMissing: {
		"CURRENCY_MISSING", check.Warning, 0, "There is an amount in a currency, and no currency. Fill in Idevise, or empty Montantdevise.",
		"Un montant en devise est servi sans la devise. Renseignez Idevise, ou videz Montantdevise.",
	},
	currencyAmountMissing: {
		"CURRENCY_AMOUNT_MISSING", check.Notice, 0, "There is the currency \"{value}\", and no amount in it. Fill in Montantdevise, or empty Idevise.",
		"La devise « {value} » est servie sans montant. Renseignez Montantdevise, ou videz Idevise.",
	},
	letteringDateMissing: {
		"LETTERING_DATE_MISSING", check.Warning, 0, "There is the lettering code \"{value}\", and no date. Fill in DateLet.",
		"Le code lettrage « {value} » est servi sans date. Renseignez DateLet.",
	},
	letteringCodeMissing: {
		"LETTERING_CODE_MISSING", check.Warning, 0, "There is a lettering date, and no code. Fill in EcritureLet, or empty DateLet.",
		"Une date de lettrage est servie sans code. Renseignez EcritureLet, ou videz DateLet.",
	},
	entryUnbalanced: {
		"ENTRY_UNBALANCED", check.Error, Books, "Entry {entry} of journal {journal}, which begins here, does not balance: debit {debit}, credit {credit}, difference {difference}. Correct an amount, or add the line that is missing.",
		"L'écriture {entry} du journal {journal}, qui commence ici, n'est pas équilibrée : débit {debit}, crédit {credit}, écart {difference}. Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	fileUnbalanced: {
		"FILE_UNBALANCED", check.Error, Books, "The file does not balance: debit {debit}, credit {credit}, difference {difference}. Check that it is whole.",
		"Le fichier n'est pas équilibré : débit {debit}, crédit {credit}, écart {difference}. Vérifiez qu'il est complet.",
	},
	totalTooLarge: {
		"TOTAL_TOO_LARGE", check.Error, 0, "The amounts add up to more than can be counted. Check them.",
		"Le total des montants dépasse ce qui peut être calculé. Vérifiez-les.",
	},
	entryDateDiffers: {
		"ENTRY_DATE_DIFFERS", check.Warning, 0, "The line is dated {value}, and its entry {entry} began on {other}. Give an entry one date.",
		"La ligne est datée du {value}, et son écriture {entry} a commencé le {other}. Donnez une seule date à une écriture.",
	},
	entryScattered: {
		"ENTRY_SCATTERED", check.Notice, 0, "The entry {entry} of journal {journal} goes on here, after other entries. Keep the lines of an entry together.",
		"L'écriture {entry} du journal {journal} se poursuit ici, après d'autres écritures. Regroupez les lignes d'une écriture.",
	},
	entryNumberGap: {
		"ENTRY_NUMBER_GAP", check.Warning, Law, "The numbers of entries have gaps, {count} in all: the first that is missing is {value}, in {scope}. Be ready to explain them: the law wants a sequence without gaps.",
		"La numérotation des écritures présente des trous, {count} au total : le premier numéro absent est {value}, dans {scope}. Préparez une explication : la loi exige une suite continue.",
	},
	sequenceUnchecked: {
		"SEQUENCE_UNCHECKED", check.Notice, 0, "The numbers of entries, such as \"{value}\", show no sequence that could be checked for gaps.",
		"La numérotation des écritures, par exemple « {value} », ne suit pas de séquence dont la continuité puisse être vérifiée.",
	},
	documentDateLate: {
		"DOCUMENT_DATE_LATE", check.Notice, 0, "The document is dated {value}, after its entry of {other}. Check both.",
		"La pièce est datée du {value}, après son écriture du {other}. Vérifiez les deux dates.",
	},
	validationEarly: {
		"VALIDATION_EARLY", check.Notice, 0, "The entry was validated on {value}, before its date {other}. Check both.",
		"L'écriture a été validée le {value}, avant sa date du {other}. Vérifiez les deux dates.",
	},
	validationOrder: {
		"VALIDATION_ORDER", check.Warning, Law, "The line was validated on {value}, and one before it on {other}. Sort the file by the day of validation.",
		"La ligne a été validée le {value}, et une ligne précédente le {other}. Triez le fichier par date de validation.",
	},
	openingNotFirst: {
		"OPENING_NOT_FIRST", check.Warning, Law, "The opening journal \"{value}\" comes after other journals. Put the opening entries first.",
		"Le journal d'à-nouveaux « {value} » vient après d'autres journaux. Placez les à-nouveaux en premier.",
	},
	closingEntry: {
		"CLOSING_ENTRY", check.Warning, Law, "The entry {entry} books accounts of classes 6 or 7 against the result (12). Leave entries that close these accounts out of the file.",
		"L'écriture {entry} mouvemente des comptes de classe 6 ou 7 et le résultat (12). Excluez du fichier les écritures qui soldent ces comptes.",
	},
	entriesUnfollowed: {
		"ENTRIES_UNFOLLOWED", check.Warning, 0, "More than {most} entries are out of balance at the same time: those that begin from here on are not checked one by one. Keep the lines of an entry together.",
		"Plus de {most} écritures sont déséquilibrées simultanément : celles qui commencent à partir d'ici ne sont pas vérifiées une à une. Regroupez les lignes d'une écriture.",
	},
	totalsIncomplete: {
		"TOTALS_INCOMPLETE", check.Warning, 0, "There are more than {most} codes in {field}, or one longer than 64 bytes, such as \"{value}\". The others are not told apart.",
		"Il y a plus de {most} codes dans {field}, ou un code de plus de 64 octets, comme « {value} ». Les suivants ne sont pas distingués.",
	},
}
