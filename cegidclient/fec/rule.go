package fec

import (
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/findings"
)

// Ground says who objects to what was found; see package check.
type Ground = check.Ground

// The grounds.
const (
	Law     = check.Law
	TaxTool = check.TaxTool
	Books   = check.Books
	Loop    = check.Loop
)

// Rule describes a code.
type Rule = filecheck.Rule

// Codes lists every code that the package can find. The caller owns it.
func Codes() []Rule { return slices.Clone(rules[:]) }

// code indexes the rules.
type code uint8

const (
	nameInvalid code = iota
	nameForm
	nameYear
	sirenInvalid
	fileCompressed
	fileXML
	encodingUTF16
	encodingEBCDIC
	notText
	notFEC
	linesNotSeparated
	noLines
	separatorInvalid
	separatorMixed
	headerAbsent
	headerRepeated
	headerShort
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
	encodingCP850
	encodingMixed
	controlCharacter
	lineTooLong
	textTooLong
	lineEmpty
	lineBlank
	endMark
	lineBroken
	lineBreak
	lineEndingsMixed
	lineEndingsDoubled
	columnsMissing
	columnsExtra
	linesJoined
	lineSeparator
	trailingSeparator
	trailingSeparators
	trailingSeparatorUneven
	fieldPadded
	separatorPadded
	fieldInvisible
	quotedCells
	quoteMarks
	totalLine
	fieldRequired
	fieldBlank
	fieldBlankCash
	dateInvalid
	dateNotReal
	dateFormat
	dateFormatUnread
	dateImplausible
	dateZero
	dateAfterClosing
	datesFarApart
	datesOutsideYear
	accountInvalid
	accountClass
	thirdPartyTooLong
	thirdPartyUnexpected
	thirdPartyIncomplete
	labelTooLong
	labelDiffers
	journalReserved
	amountInvalid
	amountExponent
	amountAmbiguous
	amountPrecision
	amountDecimals
	amountTooLarge
	amountPoint
	amountThousands
	amountSignLast
	amountSignSpaced
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
	entryNumbersPerLine
	dayUnbalanced
	linesNumbered
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
	entryDateImplausible
	yearTooOld
	thirdPartyMissing
	referenceUnsearchable
	labelMightBeCut
	currenciesMixed
	vatRateUnknown
	sidesSwapped

	numCodes
)

const both = Law | TaxTool

// catalogue is the same for all files.
var catalogue = findings.New(rules[:], fieldTexts[:])

// ofUnreadable is what is of no use to the sender of a file that cannot be read at all.
var ofUnreadable = []string{"NAME_INVALID", "NAME_FORM", "NAME_YEAR", "SIREN_INVALID", "LINE_EMPTY", "BYTE_ORDER_MARK"}

// rules say what is wrong in their order of the file, as far as there is one. What the checker of the administration
// refuses was read in its source; where a rule is in the law is said beside it.
var rules = [numCodes]Rule{
	nameInvalid: {
		Code: "NAME_INVALID", Severity: check.Warning, Grounds: both, Law: "IX",
		Message: "The file is named \"{value}\": {problem}. Name it after the SIREN and the closing day, such as 900000001FEC20261231.",
		French: "Le fichier s'appelle « {value} » : {problem}. Nommez-le d'après le SIREN et la date de clôture, " +
			"par exemple 900000001FEC20261231.",
	},
	nameForm: {
		Code: "NAME_FORM", Severity: check.Warning, Grounds: Law, Law: "IX",
		Message: "The file is named \"{value}\": {problem}. Name it after the SIREN and the closing day, such as 900000001FEC20261231.",
		French: "Le fichier s'appelle « {value} » : {problem}. Nommez-le d'après le SIREN et la date de clôture, " +
			"par exemple 900000001FEC20261231.",
	},
	nameYear: {
		Code: "NAME_YEAR", Severity: check.Warning, Grounds: TaxTool,
		Message: "The file is named \"{value}\", and the tax administration's checker knows closing days from 2000 to 2099 only. Check the year.",
		French: "Le fichier s'appelle « {value} », et l'outil de contrôle de l'administration n'admet qu'une clôture de 2000 à " +
			"2099. Vérifiez l'année.",
	},
	sirenInvalid: {
		Code: "SIREN_INVALID", Severity: check.Warning,
		Message: "The SIREN {value} in the file's name has a wrong check digit: a digit is mistyped. Correct it.",
		French:  "La clé de contrôle du SIREN {value} du nom de fichier est fausse : un chiffre est erroné. Corrigez-le.",
	},
	fileCompressed: {
		Code: "FILE_COMPRESSED", Severity: check.Error, Grounds: both, Law: "VI-1°",
		HidesInFile: ofUnreadable,
		Message:     "The file is a compressed archive or a spreadsheet ({value}). Unpack it, or save it as text, and send the text file.",
		French: "Le fichier est une archive compressée ou un classeur ({value}). Décompressez-le ou enregistrez-le en texte, " +
			"et envoyez le fichier texte.",
	},
	fileXML: {
		Code: "FILE_XML", Severity: check.Error,
		HidesInFile: ofUnreadable,
		Message: "The file is a FEC in XML, which the law allows (VI-2°) and this service does not read. " +
			"Export it again from the accounting software in the flat form: text, one line per movement, a tab or | between the fields.",
		French: "Le fichier est un FEC au format XML, admis par la loi (VI-2°) mais non lu par ce service. " +
			"Exportez-le à nouveau du logiciel comptable au format à plat : texte, une ligne par mouvement, une tabulation ou | entre les zones.",
	},
	encodingUTF16: {
		Code: "ENCODING_UTF16", Severity: check.Error, Grounds: both, Law: "XII-1°",
		HidesInFile: ofUnreadable,
		Message:     "The file is in {value}. Save it in ISO 8859-15.",
		French:      "Le fichier est codé en {value}. Enregistrez-le en ISO 8859-15.",
	},
	encodingEBCDIC: {
		Code: "ENCODING_EBCDIC", Severity: check.Error, Grounds: TaxTool,
		HidesInFile: ofUnreadable,
		Message: "The file is in EBCDIC, which the law allows (XII-1°), and neither the tax administration's checker nor this service " +
			"reads. Convert it to ISO 8859-15.",
		French: "Le fichier est codé en EBCDIC, admis par la loi (XII-1°) mais non lu par l'outil de contrôle de l'administration ni par " +
			"ce service. Convertissez-le en ISO 8859-15.",
	},
	notText: {
		Code: "NOT_TEXT", Severity: check.Error, Grounds: both, Law: "VI-1°",
		HidesInFile: ofUnreadable,
		Message:     "The file is not a text ({value}). Send the FEC itself, a text with one line per movement.",
		French:      "Le fichier n'est pas un texte ({value}). Envoyez le FEC lui-même, un texte comportant une ligne par mouvement.",
	},
	notFEC: {
		Code: "NOT_A_FEC", Severity: check.Error, Grounds: both, Law: "VII-4°",
		HidesInFile: ofUnreadable,
		Message: "The first line does not hold the field names of a FEC: \"{value}\". Begin with JournalCode, JournalLib, EcritureNum and " +
			"so on, with a tab or a | between them.",
		French: "La première ligne ne contient pas les noms des champs d'un FEC : « {value} ». Commencez par JournalCode, JournalLib, " +
			"EcritureNum, etc., séparés par une tabulation ou par |.",
	},
	linesNotSeparated: {
		Code: "LINES_NOT_SEPARATED", Severity: check.Error, Grounds: both, Law: "VI-1° a",
		HidesInFile: ofUnreadable,
		Message: "The whole file is one line: its line ends were lost on the way. Send it as it is; " +
			"with curl, by --data-binary or -T, not by -d.",
		French: "Le fichier entier tient sur une ligne : ses fins de ligne ont été perdues en route. Envoyez-le tel quel ; " +
			"avec curl, par --data-binary ou -T, pas par -d.",
	},
	noLines: {
		Code: "NO_LINES", Severity: check.Error, Grounds: TaxTool,
		HidesInFile: []string{"LINE_EMPTY", "LINE_BLANK"},
		Message:     "The file holds no movement. Send one with at least one entry.",
		French:      "Le fichier ne contient aucun mouvement. Envoyez-en un comportant au moins une écriture.",
	},
	separatorInvalid: {
		Code: "SEPARATOR_INVALID", Severity: check.Error, Grounds: both, Law: "VI-1° c",
		HidesInFile: ofUnreadable,
		Message:     "The fields are separated by \"{value}\". Separate them by a tab or by |.",
		French:      "Les champs sont séparés par « {value} ». Séparez-les par une tabulation ou par |.",
	},
	separatorMixed: {
		Code: "SEPARATOR_MIXED", Severity: check.Error, Grounds: both, Law: "VI-1° c",
		HidesInFile: []string{"HEADER_EXTRA", "HEADER_MISSING", "HEADER_ORDER", "HEADER_NEAR_MISS", "COLUMNS_EXTRA", "COLUMNS_MISSING"},
		Message:     "The first line separates fields by tabs and by |. Use one of them in the whole file.",
		French:      "La première ligne sépare les champs par des tabulations et par |. Utilisez un seul séparateur dans tout le fichier.",
	},
	headerAbsent: {
		Code: "HEADER_ABSENT", Severity: check.Error, Grounds: both, Law: "VII-4°",
		Message: "The file begins with a movement. Put the line of field names before it.",
		French:  "Le fichier commence par un mouvement. Faites-le précéder de la ligne des noms de champs.",
	},
	headerRepeated: {
		Code: "HEADER_REPEATED", Severity: check.Error, Grounds: both, Law: "VII-4°",
		Message: "The line holds the field names again, as if files had been put together. Take it out, or send each file by itself.",
		French: "La ligne contient à nouveau les noms des champs, comme si plusieurs fichiers avaient été réunis. " +
			"Supprimez-la, ou envoyez chaque fichier séparément.",
	},
	headerShort: {
		Code: "HEADER_SHORT", Severity: check.Error, Grounds: both, Law: "VII-4°",
		HidesInFile: []string{"HEADER_MISSING", "HEADER_ORDER"},
		Message: "The first line names {count} {count:column|columns}, and the lines have {most}: the columns are read in the order of " +
			"the law. Name all of them.",
		French: "La première ligne nomme {count} {count:colonne|colonnes}, et les lignes en ont {most} : les colonnes sont lues dans " +
			"l'ordre de la loi. Nommez-les toutes.",
	},
	headerMissing: {
		Code: "HEADER_MISSING", Severity: check.Error, Grounds: both, Law: "VII-1°", Together: true,
		Message: "There {times:is no column|are no columns} {field}. Add and fill {times:it|them}: the law wants all eighteen, in their order.",
		French: "Il manque {times:la colonne|les colonnes} {field}. Ajoutez-{times:la et renseignez-la|les et renseignez-les} : " +
			"la loi exige les dix-huit, dans l'ordre.",
	},
	headerDuplicate: {
		Code: "HEADER_DUPLICATE", Severity: check.Error, Grounds: Law, Law: "VII-1°", Together: true,
		Message: "The column {field} is there twice. Keep one.",
		French:  "La colonne {field} figure deux fois. N'en gardez qu'une.",
	},
	headerOrder: {
		Code: "HEADER_ORDER", Severity: check.Error, Grounds: Law, Law: "VII-1°",
		Message: "The column {field} is column {position}, and by law column {expected}. Put the columns in the order of the law, " +
			"other columns after them: a program may read them by position.",
		French: "La colonne {field} est en position {position}, et en position {expected} selon la loi. Mettez les colonnes dans l'ordre de " +
			"la loi, les autres colonnes ensuite : un programme peut les lire par position.",
	},
	headerNearMiss: {
		Code: "HEADER_NEAR_MISS", Severity: check.Warning, Grounds: both, Law: "VII-1°", Together: true,
		Message: "The column \"{value}\" is taken for {field}. Write each name as the law does.",
		French:  "La colonne « {value} » est considérée comme {field}. Écrivez chaque nom comme dans la loi.",
	},
	headerCase: {
		Code: "HEADER_CASE", Severity: check.Notice, Grounds: Law, Law: "VII-1°", Together: true,
		Message: "The column \"{value}\" is not written as in the law: {field}. Write each name as the law does.",
		French:  "La colonne « {value} » n'est pas écrite comme dans la loi : {field}. Écrivez chaque nom comme dans la loi.",
	},
	headerExtra: {
		Code: "HEADER_EXTRA", Severity: check.Notice,
		Message: "There are columns that the law does not know: {value}. Nothing reads them here; leave them out, or behind the others.",
		French: "Des colonnes sont inconnues de la loi : {value}. Elles ne sont pas exploitées ici ; supprimez-les, " +
			"ou laissez-les après les autres.",
	},
	cashColumnsIncomplete: {
		Code: "CASH_COLUMNS_INCOMPLETE", Severity: check.Warning, Grounds: both, Law: "VIII-5°", Together: true,
		Message: "A cash-basis file has the columns DateRglt, ModeRglt and NatOp, and {field} is not there. Add it.",
		French: "Un fichier de comptabilité de trésorerie comporte les colonnes DateRglt, ModeRglt et NatOp, " +
			"et {field} n'y est pas. Ajoutez-la.",
	},
	byteOrderMark: {
		Code: "BYTE_ORDER_MARK", Severity: check.Notice,
		Message: "The file begins with a byte order mark, which a program may take for a part of the first name. Save it without.",
		French: "Le fichier commence par une marque d'ordre des octets (BOM), qu'un programme peut prendre pour une partie du premier nom. " +
			"Enregistrez-le sans elle.",
	},
	encodingUTF8: {
		Code: "ENCODING_UTF8", Severity: check.Notice, Grounds: Loop,
		Message: "The file is in UTF-8, see \"{value}\". The law and the tax administration's checker take it; how Loop reads it is not " +
			"documented. ISO 8859-15 is the safer choice.",
		French: "Le fichier est codé en UTF-8, voir « {value} ». La loi et l'outil de l'administration l'acceptent ; " +
			"la façon dont Loop le lit n'est pas documentée. ISO 8859-15 est le choix le plus sûr.",
	},
	encodingCP1252: {
		Code: "ENCODING_CP1252", Severity: check.Warning, Grounds: Law, Law: "XII-1°", Together: true,
		Message: "The file holds characters of Windows-1252, such as in \"{value}\", that other programs show wrongly. Save it in ISO 8859-15.",
		French: "Le fichier contient des caractères propres à Windows-1252, par exemple dans « {value} », que d'autres programmes affichent " +
			"mal. Enregistrez-le en ISO 8859-15.",
	},
	encodingCP850: {
		Code: "ENCODING_CP850", Severity: check.Warning, Grounds: Law, Law: "XII-1°", Together: true,
		Message: "The file looks like CP850, the code page of DOS, such as in \"{value}\": its accents are shown wrongly elsewhere. " +
			"Save it in ISO 8859-15.",
		French: "Le fichier semble codé en CP850, la page de codes de DOS, par exemple dans « {value} » : ses accents s'affichent mal " +
			"ailleurs. Enregistrez-le en ISO 8859-15.",
	},
	encodingMixed: {
		Code: "ENCODING_MIXED", Severity: check.Warning, Grounds: Law, Law: "XII-1°",
		Message: "The file is partly in UTF-8 and partly not, see \"{value}\". Save all of it in ISO 8859-15.",
		French:  "Le fichier est en partie en UTF-8 et en partie non, voir « {value} ». Enregistrez-le entièrement en ISO 8859-15.",
	},
	controlCharacter: {
		Code: "CONTROL_CHARACTER", Severity: check.Warning, Together: true,
		Message: "\"{value}\" holds a control character. Take it out.",
		French:  "« {value} » contient un caractère de contrôle. Supprimez-le.",
	},
	lineTooLong: {
		Code: "LINE_TOO_LONG", Severity: check.Error, Grounds: TaxTool,
		Message: "The line has more than {most} bytes, and more fields than the first line names: line ends are missing. " +
			"End each movement with CR and LF.",
		French: "La ligne dépasse {most} octets, et compte plus de zones que la première n'en nomme : des fins de ligne manquent. " +
			"Terminez chaque mouvement par CR et LF.",
	},
	textTooLong: {
		Code: "TEXT_TOO_LONG", Severity: check.Error,
		Message: "The line has more than {most} bytes, more than is read here. Shorten its texts.",
		French:  "La ligne dépasse {most} octets, plus que ce qui est lu ici. Raccourcissez ses textes.",
	},
	lineEmpty: {
		Code: "LINE_EMPTY", Severity: check.Warning, Grounds: TaxTool,
		Message: "The line is empty. Take it out.",
		French:  "La ligne est vide. Supprimez-la.",
	},
	lineBlank: {
		Code: "LINE_BLANK", Severity: check.Warning, Grounds: both, Law: "VII-1°",
		Message: "The line holds nothing but separators. Take it out.",
		French:  "La ligne ne contient que des séparateurs. Supprimez-la.",
	},
	endMark: {
		Code: "END_MARK", Severity: check.Notice, Grounds: TaxTool,
		Message: "The file ends with the byte 1A, by which DOS marks the end: the tax administration's checker takes it for a line. Take it out.",
		French: "Le fichier se termine par l'octet 1A, marque de fin de DOS : l'outil de l'administration le prend pour " +
			"une ligne. Supprimez-le.",
	},
	lineBroken: {
		Code: "LINE_BROKEN", Severity: check.Error, Grounds: both, Law: "VI-1° a",
		Message: "The line goes on in the next one: a text holds a line break. Take it out.",
		French:  "La ligne se poursuit sur la suivante : un texte contient un saut de ligne. Supprimez-le.",
	},
	lineBreak: {
		Code: "LINE_BREAK", Severity: check.Error, Grounds: Law, Law: "VI-1° a",
		HidesInFile: []string{"LINE_ENDINGS_MIXED"},
		Message:     "The line goes on in the next one: a text holds a line break of another kind than the ends of lines. Take it out.",
		French: "La ligne se poursuit sur la suivante : un texte contient un saut de ligne d'un autre type que les fins " +
			"de ligne. Supprimez-le.",
	},
	lineEndingsMixed: {
		Code: "LINE_ENDINGS_MIXED", Severity: check.Warning, Grounds: TaxTool,
		Message: "The line ends with {value}, the first one with {other}. End all lines alike, best with CR and LF.",
		French: "La ligne se termine par {value}, la première par {other}. Terminez toutes les lignes de la même façon, " +
			"de préférence par CR et LF.",
	},
	lineEndingsDoubled: {
		Code: "LINE_ENDINGS_DOUBLED", Severity: check.Warning, Grounds: TaxTool,
		HidesInFile: []string{"LINE_ENDINGS_MIXED"},
		Message:     "The lines end with CR CR LF, as a transfer in text mode makes of CR LF. Transfer the file in binary mode.",
		French:      "Les lignes se terminent par CR CR LF, comme après un transfert en mode texte. Transférez le fichier en mode binaire.",
	},
	columnsMissing: {
		Code: "COLUMNS_MISSING", Severity: check.Error, Grounds: both, Law: "VII-1°",
		Message: "The line has {count} of {most} {most:column|columns}. Write a separator for each empty field too.",
		French:  "La ligne a {count} {count:colonne|colonnes} sur {most}. Écrivez aussi un séparateur pour chaque champ vide.",
	},
	columnsExtra: {
		Code: "COLUMNS_EXTRA", Severity: check.Error, Grounds: both, Law: "VI-1° c",
		Message: "The line has {count} {count:column|columns} instead of {most}. Take the separator out of the text that holds one.",
		French:  "La ligne a {count} {count:colonne|colonnes} au lieu de {most}. Retirez le séparateur du texte qui en contient un.",
	},
	linesJoined: {
		Code: "LINES_JOINED", Severity: check.Error, Grounds: both, Law: "VI-1° a",
		Message: "The line holds {count} movements: line ends were lost. Put each movement on a line of its own.",
		French:  "La ligne contient {count} mouvements : des fins de ligne ont été perdues. Mettez chaque mouvement sur sa propre ligne.",
	},
	lineSeparator: {
		Code: "LINE_SEPARATOR", Severity: check.Error, Grounds: both, Law: "VI-1° c",
		Message: "The fields of the line are separated by {value}, those of the file by {other}. Use one separator in the whole file.",
		French: "Les champs de la ligne sont séparés par {value}, ceux du fichier par {other}. " +
			"Utilisez un seul séparateur dans tout le fichier.",
	},
	trailingSeparator: {
		Code: "TRAILING_SEPARATOR", Severity: check.Notice,
		Message: "The lines end with a separator. It is not needed.",
		French:  "Les lignes se terminent par un séparateur. Il n'est pas nécessaire.",
	},
	trailingSeparators: {
		Code: "TRAILING_SEPARATORS", Severity: check.Warning, Grounds: TaxTool,
		Message: "The first line ends with {count} separators, of which the tax administration's checker counts one. Take them off all lines.",
		French: "La première ligne se termine par {count} séparateurs, dont l'outil de l'administration n'en compte qu'un. " +
			"Supprimez-les de toutes les lignes.",
	},
	trailingSeparatorUneven: {
		Code: "TRAILING_SEPARATOR_UNEVEN", Severity: check.Warning, Grounds: TaxTool,
		Message: "The line ends with separators that the first one does not have, or lacks the one that it has. Give all lines the same number.",
		French: "La ligne se termine par des séparateurs que la première n'a pas, ou n'a pas celui qu'elle a. " +
			"Mettez-en le même nombre sur toutes les lignes.",
	},
	fieldPadded: {
		Code: "FIELD_PADDED", Severity: check.Notice, Together: true,
		Message: "The field {field} is padded with spaces, which are not counted as part of it. Leave them out.",
		French:  "Le champ {field} est complété par des espaces, qui ne sont pas pris en compte. Supprimez-les.",
	},
	separatorPadded: {
		Code: "SEPARATOR_PADDED", Severity: check.Notice,
		HidesInFile: []string{"FIELD_PADDED"},
		Message:     "There are blanks around the separator on each line. They are not counted as part of the fields; leave them out.",
		French:      "Des espaces entourent le séparateur sur chaque ligne. Ils ne sont pas pris en compte ; supprimez-les.",
	},
	fieldInvisible: {
		Code: "FIELD_INVISIBLE", Severity: check.Notice, Together: true,
		Message: "\"{value}\" in {field} begins or ends with a character that nobody sees, which is not counted as part of it. Take it out.",
		French:  "« {value} » dans {field} commence ou se termine par un caractère invisible, qui n'est pas pris en compte. Supprimez-le.",
	},
	quotedCells: {
		Code: "QUOTED_CELLS", Severity: check.Error, Grounds: both, Law: "VI-1°",
		HidesInFile: []string{"QUOTE_MARKS", "HEADER_NEAR_MISS"},
		Message: "Each field is between quotation marks, as spreadsheets write them. " +
			"They are taken off to check the file; save it without them.",
		French: "Chaque champ est entre guillemets, comme l'écrivent les tableurs. Ils sont retirés pour contrôler le fichier ; " +
			"enregistrez-le sans eux.",
	},
	quoteMarks: {
		Code: "QUOTE_MARKS", Severity: check.Warning, Grounds: Loop, Together: true,
		HidesOnLine: []string{"REFERENCE_UNSEARCHABLE"},
		Message:     "{value} in {field} is between quotation marks, as spreadsheets write it: the marks would be booked. Take them off.",
		French: "{value} dans {field} est entre guillemets, comme l'écrivent les tableurs : " +
			"les guillemets seraient comptabilisés. Retirez-les.",
	},
	totalLine: {
		Code: "TOTAL_LINE", Severity: check.Error, Grounds: both, Law: "VII-1°",
		Message: "The line \"{value}\" is a total, not a movement. Take it out.",
		French:  "La ligne « {value} » est un total, pas un mouvement. Supprimez-la.",
	},
	fieldRequired: {
		Code: "FIELD_REQUIRED", Severity: check.Error, Grounds: both, Law: "VII-1°", SpoilsEntry: true,
		Message: "The field {field} is empty, and the line cannot be booked without it. Fill it in.",
		French:  "Le champ {field} est vide, et la ligne ne peut pas être comptabilisée sans lui. Renseignez-le.",
	},
	fieldBlank: {
		Code: "FIELD_BLANK", Severity: check.Warning, Grounds: both, Law: "VII-1°",
		Message: "The field {field} is empty, and the law wants it filled. Fill it in before the file goes to the tax administration.",
		French:  "Le champ {field} est vide, et la loi exige qu'il soit servi. Renseignez-le avant de remettre le fichier à l'administration.",
	},
	fieldBlankCash: {
		Code: "FIELD_BLANK_CASH", Severity: check.Warning, Grounds: Law, Law: "VIII-5°",
		Message: "The field {field} is empty, and the law wants it filled in a cash-basis file too. Fill it in before the file goes to " +
			"the tax administration.",
		French: "Le champ {field} est vide, et la loi exige qu'il soit servi, y compris en comptabilité de trésorerie. " +
			"Renseignez-le avant de remettre le fichier à l'administration.",
	},
	dateInvalid: {
		Code: "DATE_INVALID", Severity: check.Error, Grounds: both, Law: "XII-4°",
		Message: "\"{value}\" in {field} is not a date. Write eight digits, year, month and day, such as 20260331.",
		French:  "« {value} » dans {field} n'est pas une date. Écrivez huit chiffres, année, mois et jour, par exemple 20260331.",
	},
	dateNotReal: {
		Code: "DATE_NOT_REAL", Severity: check.Error, Grounds: Law, Law: "XII-4°",
		Message: "There is no day {value}, given in {field}. Correct it.",
		French:  "Le jour {value} indiqué dans {field} n'existe pas. Corrigez-le.",
	},
	dateFormat: {
		Code: "DATE_FORMAT", Severity: check.Error, Grounds: Law, Law: "XII-4°", Together: true,
		Message: "The date \"{value}\" in {field} is not written as the law wants. Write {better}.",
		French:  "La date « {value} » dans {field} n'est pas écrite comme la loi l'exige. Écrivez {better}.",
	},
	dateFormatUnread: {
		Code: "DATE_FORMAT_UNREAD", Severity: check.Error, Grounds: both, Law: "XII-4°", Together: true,
		Message: "The date \"{value}\" in {field} is written neither as the law wants nor as the tax administration's checker " +
			"reads it. Write {better}.",
		French: "La date « {value} » dans {field} n'est écrite ni comme la loi l'exige, ni comme l'outil de l'administration " +
			"la lit. Écrivez {better}.",
	},
	dateImplausible: {
		Code: "DATE_IMPLAUSIBLE", Severity: check.Warning, Together: true,
		Message: "The date {value} in {field} is far from our time. Check the year.",
		French:  "La date {value} dans {field} est très éloignée de notre époque. Vérifiez l'année.",
	},
	dateZero: {
		Code: "DATE_ZERO", Severity: check.Warning, Grounds: Law, Law: "XII-4°", Together: true,
		Message: "The date in {field} is made of zeros and counts as empty. Write the day, or leave a field empty that may be.",
		French: "La date dans {field} n'est composée que de zéros et compte comme vide. " +
			"Écrivez le jour, ou laissez vide un champ qui peut l'être.",
	},
	dateAfterClosing: {
		Code: "DATE_AFTER_CLOSING", Severity: check.Error, Grounds: Law, Law: "VII-1°",
		HidesOnLine: []string{"VALIDATION_EARLY"},
		Message: "The entry is dated {value}, after the closing day {closing} in the file's name. " +
			"Correct one of them: a file holds one year.",
		French: "L'écriture est datée du {value}, après la date de clôture {closing} du nom de fichier. Corrigez l'une des deux : " +
			"un fichier contient un seul exercice.",
	},
	datesFarApart: {
		Code: "DATES_FAR_APART", Severity: check.Warning,
		Message: "The entries run from {start} to {end}, more than a year. Check the dates: a file holds one year.",
		French:  "Les écritures vont du {start} au {end}, soit plus d'un an. Vérifiez les dates : un fichier contient un seul exercice.",
	},
	datesOutsideYear: {
		Code: "DATES_OUTSIDE_YEAR", Severity: check.Warning,
		Message: "The entries run from {start} to {end}, and the year that the file's name closes ends on {closing}. Check the name: " +
			"it may be that of another year.",
		French: "Les écritures vont du {start} au {end}, et l'exercice du nom de fichier est clos le {closing}. Vérifiez le nom : " +
			"c'est peut-être celui d'un autre exercice.",
	},
	accountInvalid: {
		Code: "ACCOUNT_INVALID", Severity: check.Error, Grounds: Law, Law: "VII-1°",
		Message: "The account \"{value}\" does not begin with three digits of the French chart. Correct it.",
		French:  "Le compte « {value} » ne commence pas par trois chiffres du plan comptable. Corrigez-le.",
	},
	accountClass: {
		Code: "ACCOUNT_CLASS", Severity: check.Warning,
		Message: "The account {value} is in no class from 1 to 8. Check it.",
		French:  "Le compte {value} n'appartient à aucune classe de 1 à 8. Vérifiez-le.",
	},
	thirdPartyTooLong: {
		Code: "THIRD_PARTY_TOO_LONG", Severity: check.Error, Grounds: Loop,
		Message: "The third-party code \"{value}\" has more than {most} characters, and Loop keeps {most}. Use the code as Loop knows it: " +
			"a cut code is another third party.",
		French: "Le code tiers « {value} » compte plus de {most} caractères, et Loop en conserve {most}. Utilisez le code connu de Loop : " +
			"un code coupé désigne un autre tiers.",
	},
	thirdPartyUnexpected: {
		Code: "THIRD_PARTY_UNEXPECTED", Severity: check.Notice,
		Message: "The third party \"{value}\" is on {account}, an account of expenses or income, which has none as a rule. Check the line.",
		French: "Le tiers « {value} » figure sur {account}, un compte de charges ou de produits, qui n'en a pas en règle " +
			"générale. Vérifiez la ligne.",
	},
	thirdPartyIncomplete: {
		Code: "THIRD_PARTY_INCOMPLETE", Severity: check.Notice,
		Message: "{field} is empty, and {other} is filled. Fill both or neither.",
		French:  "{field} est vide, et {other} est servi. Renseignez les deux, ou aucun.",
	},
	labelTooLong: {
		Code: "LABEL_TOO_LONG", Severity: check.Notice, Grounds: Loop,
		Message: "The label \"{value}\" has more than the {most} characters that Loop keeps. Shorten it, so that what is cut off is your choice.",
		French:  "Le libellé « {value} » dépasse les {most} caractères que Loop conserve. Raccourcissez-le, pour choisir ce qui est coupé.",
	},
	labelDiffers: {
		Code: "LABEL_DIFFERS", Severity: check.Warning,
		Message: "In {field}, the label of {code} is \"{value}\", and was \"{other}\" before. Give each code one label.",
		French:  "Dans {field}, « {value} » désigne {code}, désigné auparavant par « {other} ». Donnez à chaque code un seul libellé.",
	},
	journalReserved: {
		Code: "JOURNAL_RESERVED", Severity: check.Warning, Grounds: Loop, Strict: true,
		Message: "The journal \"{value}\" is reserved for the opening balances that Loop makes itself. Make sure that they are not booked twice.",
		French:  "Le journal « {value} » est réservé aux à-nouveaux générés par Loop. Assurez-vous qu'ils ne soient pas comptabilisés deux fois.",
	},
	amountInvalid: {
		Code: "AMOUNT_INVALID", Severity: check.Error, Grounds: both, Law: "XII-2°",
		Message: "\"{value}\" in {field} is not an amount. Write digits and a decimal comma, such as 1234,50.",
		French:  "« {value} » dans {field} n'est pas un montant. Écrivez des chiffres et une virgule décimale, par exemple 1234,50.",
	},
	amountExponent: {
		Code: "AMOUNT_EXPONENT", Severity: check.Error, Grounds: Law, Law: "XII-2°",
		Message: "\"{value}\" in {field} is written with an exponent, as spreadsheets do. Write digits and a decimal comma, such as 1234,50.",
		French: "« {value} » dans {field} est écrit avec un exposant, comme le font les tableurs. Écrivez des chiffres et une virgule " +
			"décimale, par exemple 1234,50.",
	},
	amountAmbiguous: {
		Code: "AMOUNT_AMBIGUOUS", Severity: check.Error, Grounds: both, Law: "XII-2°",
		Message: "\"{value}\" in {field} can be read in two ways: its point may mark thousands or decimals. " +
			"Write a decimal comma and no other mark, such as 1234,50.",
		French: "« {value} » dans {field} peut se lire de deux façons : son point peut séparer les milliers ou les décimales. " +
			"Écrivez une virgule décimale et aucun autre signe, par exemple 1234,50.",
	},
	amountPrecision: {
		Code: "AMOUNT_PRECISION", Severity: check.Error, Grounds: Books,
		Message: "\"{value}\" in {field} has parts of a cent. Round it, so that the entry balances in cents.",
		French: "« {value} » dans {field} comporte des fractions de centime. Arrondissez-le, de sorte que l'écriture " +
			"soit équilibrée au centime.",
	},
	amountDecimals: {
		Code: "AMOUNT_DECIMALS", Severity: check.Warning,
		Message: "\"{value}\" in {field} has more than two decimals, all beyond them zero; it is read as {better}. " +
			"Write it so, unless thousands were meant.",
		French: "« {value} » dans {field} a plus de deux décimales, nulles au-delà ; il est lu comme {better}. " +
			"Écrivez-le ainsi, sauf s'il s'agit de milliers.",
	},
	amountTooLarge: {
		Code: "AMOUNT_TOO_LARGE", Severity: check.Error,
		Message: "\"{value}\" in {field} has more than 13 digits before the comma. Check it.",
		French:  "« {value} » dans {field} a plus de 13 chiffres avant la virgule. Vérifiez-le.",
	},
	amountPoint: {
		Code: "AMOUNT_POINT", Severity: check.Warning, Grounds: both, Law: "XII-2°", Together: true,
		Message: "\"{value}\" in {field} has a decimal point. Write a comma.",
		French:  "« {value} » dans {field} a un point décimal. Écrivez une virgule.",
	},
	amountThousands: {
		Code: "AMOUNT_THOUSANDS", Severity: check.Error, Grounds: both, Law: "XII-2°", Together: true,
		Message: "\"{value}\" in {field} separates thousands. Leave the separator out.",
		French:  "« {value} » dans {field} sépare les milliers. Supprimez le séparateur.",
	},
	amountSignLast: {
		Code: "AMOUNT_SIGN_LAST", Severity: check.Warning, Grounds: Loop,
		Message: "\"{value}\" in {field} ends with its sign. The law and the tax administration's checker take it; what Loop makes of it is " +
			"not documented. Write the sign first.",
		French: "« {value} » dans {field} se termine par son signe. La loi et l'outil de l'administration l'acceptent ; " +
			"ce que Loop en fait n'est pas documenté. Écrivez le signe en premier.",
	},
	amountSignSpaced: {
		Code: "AMOUNT_SIGN_SPACED", Severity: check.Error, Grounds: both, Law: "XII-2°",
		HidesOnLine: []string{"AMOUNT_NEGATIVE"},
		Message:     "\"{value}\" in {field} has a blank between amount and sign. Write the sign first, without a blank.",
		French:      "« {value} » dans {field} a un espace entre le montant et le signe. Écrivez le signe en premier, sans espace.",
	},
	amountNegative: {
		Code: "AMOUNT_NEGATIVE", Severity: check.Notice,
		Message: "The amount \"{value}\" in {field} is negative. The other side would be plainer: check that it is meant.",
		French:  "Le montant « {value} » dans {field} est négatif. L'autre sens serait plus clair : vérifiez qu'il est voulu.",
	},
	amountBlank: {
		Code: "AMOUNT_BLANK", Severity: check.Notice, Grounds: Law, Law: "VII-1°", Together: true,
		Message: "The field {field} is empty and counts as zero. Write 0,00.",
		French:  "Le champ {field} est vide et compte pour zéro. Écrivez 0,00.",
	},
	amountZero: {
		Code: "AMOUNT_ZERO", Severity: check.Warning,
		Message: "The line has no amount. Take it out unless it is meant.",
		French:  "La ligne n'a pas de montant. Supprimez-la, sauf si elle est voulue.",
	},
	sideBoth: {
		Code: "SIDE_BOTH", Severity: check.Warning,
		Message: "The line has a debit, {debit}, and a credit, {credit}. Write a line for each.",
		French:  "La ligne a un débit, {debit}, et un crédit, {credit}. Écrivez une ligne pour chacun.",
	},
	senseInvalid: {
		Code: "SENSE_INVALID", Severity: check.Error, Grounds: both, Law: "X",
		Message: "\"{value}\" in Sens is neither side. Write D or C, or +1 or -1.",
		French:  "« {value} » dans Sens n'indique aucun sens. Écrivez D ou C, ou +1 ou -1.",
	},
	currencyInvalid: {
		Code: "CURRENCY_INVALID", Severity: check.Warning,
		Message: "\"{value}\" in Idevise is not a currency. Write its ISO 4217 code, such as USD.",
		French:  "« {value} » dans Idevise n'est pas une devise. Écrivez son code ISO 4217, par exemple USD.",
	},
	currencyMissing: {
		Code: "CURRENCY_MISSING", Severity: check.Warning,
		Message: "There is an amount in a currency, and no currency. Fill in Idevise, or empty Montantdevise.",
		French:  "Un montant en devise est servi sans la devise. Renseignez Idevise, ou videz Montantdevise.",
	},
	currencyAmountMissing: {
		Code: "CURRENCY_AMOUNT_MISSING", Severity: check.Notice,
		Message: "There is the currency \"{value}\", and no amount in it. Fill in Montantdevise, or empty Idevise.",
		French:  "La devise « {value} » est servie sans montant. Renseignez Montantdevise, ou videz Idevise.",
	},
	letteringDateMissing: {
		Code: "LETTERING_DATE_MISSING", Severity: check.Warning,
		Message: "There is the lettering code \"{value}\", and no date. Fill in DateLet.",
		French:  "Le code lettrage « {value} » est servi sans date. Renseignez DateLet.",
	},
	letteringCodeMissing: {
		Code: "LETTERING_CODE_MISSING", Severity: check.Warning,
		Message: "There is a lettering date, and no code. Fill in EcritureLet, or empty DateLet.",
		French:  "Une date de lettrage est servie sans code. Renseignez EcritureLet, ou videz DateLet.",
	},
	entryUnbalanced: {
		Code: "ENTRY_UNBALANCED", Severity: check.Error, Grounds: Books,
		HidesInFile: []string{"FILE_UNBALANCED"},
		Message: "Entry {entry} of journal {journal}, which begins here, does not balance: debit {debit}, credit {credit}, " +
			"difference {difference}. Correct an amount, or add the line that is missing.",
		French: "L'écriture {entry} du journal {journal}, qui commence ici, n'est pas équilibrée : débit {debit}, crédit {credit}, " +
			"écart {difference}. Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	entryNumbersPerLine: {
		Code: "ENTRY_NUMBERS_PER_LINE", Severity: check.Error, Grounds: Books,
		HidesInFile: []string{"ENTRY_UNBALANCED", "ENTRIES_UNFOLLOWED"},
		Message: "Each line has an EcritureNum of its own, {first} to {last}, so that no entry balances: the numbers count lines. " +
			"Number the entries, or state that numbers are of lines (numbers_per_line); the balance is then judged by journal and day.",
		French: "Chaque ligne a son propre EcritureNum, de {first} à {last}, de sorte qu'aucune écriture n'est équilibrée : " +
			"les numéros comptent les lignes. Numérotez les écritures, ou indiquez que les numéros sont ceux des lignes (numbers_per_line) ; " +
			"l'équilibre est alors jugé par journal et par jour.",
	},
	dayUnbalanced: {
		Code: "DAY_UNBALANCED", Severity: check.Error, Grounds: Books,
		HidesInFile: []string{"FILE_UNBALANCED"},
		Message: "The journal {journal} does not balance on {value}: debit {debit}, credit {credit}, difference {difference}. " +
			"Correct an amount, or add the line that is missing.",
		French: "Le journal {journal} n'est pas équilibré le {value} : débit {debit}, crédit {credit}, écart {difference}. " +
			"Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	linesNumbered: {
		Code: "LINES_NUMBERED", Severity: check.Warning, Grounds: Loop, Strict: true,
		HidesInFile: []string{"ENTRY_UNBALANCED", "ENTRIES_UNFOLLOWED"},
		Message: "Each line has an EcritureNum of its own, {first} to {last}, as was stated: the balance is judged by journal and day. " +
			"How Loop makes entries of them is not documented. Check them in Loop.",
		French: "Chaque ligne a son propre EcritureNum, de {first} à {last}, comme indiqué : l'équilibre est jugé par journal et par " +
			"jour. La façon dont Loop en fait des écritures n'est pas documentée. Vérifiez-les dans Loop.",
	},
	fileUnbalanced: {
		Code: "FILE_UNBALANCED", Severity: check.Error, Grounds: Books,
		Message: "The file does not balance: debit {debit}, credit {credit}, difference {difference}. Check that it is whole.",
		French:  "Le fichier n'est pas équilibré : débit {debit}, crédit {credit}, écart {difference}. Vérifiez qu'il est complet.",
	},
	totalTooLarge: {
		Code: "TOTAL_TOO_LARGE", Severity: check.Error,
		Message: "The amounts add up to more than can be counted. Check them.",
		French:  "Le total des montants dépasse ce qui peut être calculé. Vérifiez-les.",
	},
	entryDateDiffers: {
		Code: "ENTRY_DATE_DIFFERS", Severity: check.Warning, Grounds: Loop, Strict: true,
		HidesOnLine: []string{"ENTRY_SCATTERED"},
		Message: "The line is dated {value}, and its entry {entry} began on {other}. What Loop makes of an entry of two dates is not " +
			"documented. Give an entry one date, and each entry a number of its own.",
		French: "La ligne est datée du {value}, et son écriture {entry} a commencé le {other}. Ce que Loop fait d'une écriture à deux " +
			"dates n'est pas documenté. Donnez une seule date à une écriture, et un numéro propre à chacune.",
	},
	entryScattered: {
		Code: "ENTRY_SCATTERED", Severity: check.Notice,
		Message: "The entry {entry} of journal {journal} goes on here, after other entries. Keep the lines of an entry together.",
		French:  "L'écriture {entry} du journal {journal} se poursuit ici, après d'autres écritures. Regroupez les lignes d'une écriture.",
	},
	entryNumberGap: {
		Code: "ENTRY_NUMBER_GAP", Severity: check.Warning, Grounds: Law, Law: "VII-1°",
		Message: "The numbers of entries have {count} {count:gap|gaps}: the first that is missing is {value}, in {scope}. " +
			"Be ready to explain it: the law wants a sequence without gaps.",
		French: "La numérotation des écritures présente {count} {count:trou|trous} : le premier numéro absent est {value}, dans {scope}. " +
			"Préparez une explication : la loi exige une suite continue.",
	},
	sequenceUnchecked: {
		Code: "SEQUENCE_UNCHECKED", Severity: check.Notice,
		Message: "The numbers of entries, such as \"{value}\", show no sequence that could be checked for gaps. " +
			"Be ready to explain the numbering.",
		French: "La numérotation des écritures, par exemple « {value} », ne suit pas de séquence dont la continuité puisse être vérifiée. " +
			"Préparez une explication de la numérotation.",
	},
	documentDateLate: {
		Code: "DOCUMENT_DATE_LATE", Severity: check.Notice,
		Message: "The document is dated {value}, after its entry of {other}. Check both.",
		French:  "La pièce est datée du {value}, après son écriture du {other}. Vérifiez les deux dates.",
	},
	validationEarly: {
		Code: "VALIDATION_EARLY", Severity: check.Notice,
		Message: "The entry was validated on {value}, before its date {other}. Check both.",
		French:  "L'écriture a été validée le {value}, avant sa date du {other}. Vérifiez les deux dates.",
	},
	validationOrder: {
		Code: "VALIDATION_ORDER", Severity: check.Warning, Grounds: Law, Law: "VII-1°",
		Message: "The line was validated on {value}, and one before it on {other}. Sort the file by the day of validation.",
		French:  "La ligne a été validée le {value}, et une ligne précédente le {other}. Triez le fichier par date de validation.",
	},
	openingNotFirst: {
		Code: "OPENING_NOT_FIRST", Severity: check.Warning, Grounds: Law, Law: "VII-3°",
		Message: "The opening journal \"{value}\" comes after other journals. Put the opening entries first.",
		French:  "Le journal d'à-nouveaux « {value} » vient après d'autres journaux. Placez les à-nouveaux en premier.",
	},
	closingEntry: {
		Code: "CLOSING_ENTRY", Severity: check.Warning, Grounds: Law, Law: "VII-1°",
		Message: "The entry {entry} books accounts of classes 6 or 7 against the result (12). " +
			"Leave entries that close these accounts out of the file.",
		French: "L'écriture {entry} mouvemente des comptes de classe 6 ou 7 et le résultat (12). " +
			"Excluez du fichier les écritures qui soldent ces comptes.",
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
		Message: "There are more than {most} codes in {field}, or one longer than 64 bytes, such as \"{value}\". " +
			"The others are not told apart: check the codes.",
		French: "Il y a plus de {most} codes dans {field}, ou un code de plus de 64 octets, comme « {value} ». " +
			"Les suivants ne sont pas distingués : vérifiez les codes.",
	},
	entryDateImplausible: hiding(shared("DATE_IMPLAUSIBLE", "ENTRY_DATE_IMPLAUSIBLE", 0), "DATES_FAR_APART", "DATES_OUTSIDE_YEAR"),
	yearTooOld: {
		Code: "YEAR_BEFORE_2000", Severity: check.Error, Grounds: TaxTool,
		HidesInFile: []string{"NAME_YEAR", "ENTRY_DATE_IMPLAUSIBLE", "DATES_OUTSIDE_YEAR"},
		Message: "The file is of a year that ended on {closing}, as its name and its entries say: no open fiscal year holds them, " +
			"and the tax administration's checker knows no closing day before 2000. Send the file of another year, or correct name and dates.",
		French: "Le fichier est celui d'un exercice clos le {closing}, d'après son nom et ses écritures : aucun exercice ouvert ne les " +
			"contient, et l'outil de contrôle de l'administration n'admet pas de clôture antérieure à 2000. " +
			"Envoyez le fichier d'un autre exercice, ou corrigez le nom et les dates.",
	},
	thirdPartyMissing:     hidingOnLine(shared("THIRD_PARTY_MISSING", "THIRD_PARTY_MISSING", Books), "THIRD_PARTY_INCOMPLETE"),
	referenceUnsearchable: notice(shared("REFERENCE_UNSEARCHABLE", "REFERENCE_UNSEARCHABLE", Loop)),
	labelMightBeCut:       shared("LABEL_MIGHT_BE_CUT", "LABEL_MIGHT_BE_CUT", Loop),
	currenciesMixed:       shared("CURRENCIES_MIXED", "CURRENCIES_MIXED", Books),
	vatRateUnknown:        shared("VAT_RATE_UNKNOWN", "VAT_RATE_UNKNOWN", Books),
	sidesSwapped:          shared("SIDES_SWAPPED", "SIDES_SWAPPED", Books),
}
