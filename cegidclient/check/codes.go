package check

import "slices"

// Rule describes a code: its severity, and its sentences with {placeholders} for what varies.
type Rule struct {
	Code            string
	Severity        Severity
	Message, French string
}

// Ignorable tells whether a caller may have what the rule finds left out. A warning or a notice is a judgement, and so is an
// error that may hold the past of a dossier back; what Loop would refuse, book wrongly, cut, or book as one with another entry
// stays.
func (r Rule) Ignorable() bool { return r.Severity != Error || r.Code == dateImplausible }

// RuleOf gives the rule of a code, for readers of files that find the same.
func RuleOf(code string) Rule { return ruleOf(code) }

// Codes lists every code that the package can find, in the order of the checks. The caller owns it.
func Codes() []Rule { return slices.Clone(rules) }

const (
	entriesMissing           = "ENTRIES_MISSING"
	entriesTooMany           = "ENTRIES_TOO_MANY"
	linesTooMany             = "LINES_TOO_MANY"
	linesTooFew              = "LINES_TOO_FEW"
	fieldRequired            = "FIELD_REQUIRED"
	textInvalid              = "TEXT_INVALID"
	valueUnknown             = "VALUE_UNKNOWN"
	uuidInvalid              = "UUID_INVALID"
	dateInvalid              = "DATE_INVALID"
	dateImplausible          = "DATE_IMPLAUSIBLE"
	contextReversed          = "CONTEXT_REVERSED"
	dateOutsideContext       = "DATE_OUTSIDE_CONTEXT"
	datesFarApart            = "DATES_FAR_APART"
	dueDateEarly             = "DUE_DATE_EARLY"
	cutoffIncomplete         = "CUTOFF_INCOMPLETE"
	cutoffReversed           = "CUTOFF_REVERSED"
	sideMissing              = "SIDE_MISSING"
	sideBoth                 = "SIDE_BOTH"
	amountInvalid            = "AMOUNT_INVALID"
	amountZero               = "AMOUNT_ZERO"
	entryUnbalanced          = "ENTRY_UNBALANCED"
	currencyInvalid          = "CURRENCY_INVALID"
	currencyMissing          = "CURRENCY_MISSING"
	currencyAmountMissing    = "CURRENCY_AMOUNT_MISSING"
	currencyAmountInvalid    = "CURRENCY_AMOUNT_INVALID"
	currencyAmountDiffers    = "CURRENCY_AMOUNT_DIFFERS"
	currencyRateInvalid      = "CURRENCY_RATE_INVALID"
	currencyRateMissing      = "CURRENCY_RATE_MISSING"
	euroRateDiffers          = "EURO_RATE_DIFFERS"
	currencyRateDiffers      = "CURRENCY_RATE_DIFFERS"
	currencyAmountZero       = "CURRENCY_AMOUNT_ZERO"
	currenciesMixed          = "CURRENCIES_MIXED"
	entriesMightMerge        = "ENTRIES_MIGHT_MERGE"
	journalReserved          = "JOURNAL_RESERVED"
	documentReferenceMissing = "DOCUMENT_REFERENCE_MISSING"
	referenceUnsearchable    = "REFERENCE_UNSEARCHABLE"
	labelTooLong             = "LABEL_TOO_LONG"
	labelCut                 = "LABEL_CUT"
	labelMightBeCut          = "LABEL_MIGHT_BE_CUT"
	thirdPartyTooLong        = "THIRD_PARTY_TOO_LONG"
	thirdPartyMissing        = "THIRD_PARTY_MISSING"
	thirdPartyUnexpected     = "THIRD_PARTY_UNEXPECTED"
	siretInvalid             = "SIRET_INVALID"
	siretChecksum            = "SIRET_CHECKSUM"
	siretsOfSeveral          = "SIRETS_OF_SEVERAL_COMPANIES"
	letteringUnbalanced      = "LETTERING_UNBALANCED"
	letteringOnTwoAccounts   = "LETTERING_ON_TWO_ACCOUNTS"
	letteringOfSeveral       = "LETTERING_OF_SEVERAL_THIRD_PARTIES"
	letteringDateAlone       = "LETTERING_DATE_ALONE"
	attachmentInvalid        = "ATTACHMENT_INVALID"
	attachmentShortLived     = "ATTACHMENT_SHORT_LIVED"
	analyticsUnbalanced      = "ANALYTICS_UNBALANCED"
	vatRateUnknown           = "VAT_RATE_UNKNOWN"
	sidesSwapped             = "SIDES_SWAPPED"

	journalUnknown      = "JOURNAL_UNKNOWN"
	journalToCreate     = "JOURNAL_TO_CREATE"
	journalClosed       = "JOURNAL_CLOSED"
	accountUnknown      = "ACCOUNT_UNKNOWN"
	accountToCreate     = "ACCOUNT_TO_CREATE"
	accountDefaulted    = "ACCOUNT_DEFAULTED"
	accountClosed       = "ACCOUNT_CLOSED"
	accountNotAnalytic  = "ACCOUNT_NOT_ANALYTIC"
	thirdPartyUnknown   = "THIRD_PARTY_UNKNOWN"
	thirdPartyToCreate  = "THIRD_PARTY_TO_CREATE"
	thirdPartyInactive  = "THIRD_PARTY_INACTIVE"
	thirdPartyMisplaced = "THIRD_PARTY_MISPLACED"
	letteringIgnored    = "LETTERING_IGNORED"
	sectionUnknown      = "SECTION_UNKNOWN"
	sectionClosed       = "SECTION_CLOSED"

	sirenInvalid     = "SIREN_INVALID"
	sirenChecksum    = "SIREN_CHECKSUM"
	legalFormInvalid = "LEGAL_FORM_INVALID"

	entryAlreadyImported = "ENTRY_ALREADY_IMPORTED"
	entryMaybeImported   = "ENTRY_MAYBE_IMPORTED"
	documentImported     = "DOCUMENT_IMPORTED_OTHERWISE"
	entryNotInLoop       = "ENTRY_NOT_IN_LOOP"
)

var rules = []Rule{
	{
		entriesMissing, Error, "There are no entries. Send at least one.",
		"Il n'y a aucune écriture. Envoyez-en au moins une.",
	},
	{
		entriesTooMany, Error, "There are {count} entries, and one import takes {most}. Split it, each part with a request_id of its own.",
		"Il y a {count} écritures, et un import en accepte {most}. Scindez-le, chaque partie avec son propre request_id.",
	},
	{
		linesTooMany, Error,
		"There are {count} lines, and one import takes {most}. Split it between two entries, each part with a request_id of its own.",
		"Il y a {count} lignes, et un import en accepte {most}. Scindez-le entre deux écritures, chaque partie avec son propre request_id.",
	},
	{
		linesTooFew, Error, "The entry has {count} of the two lines that it needs at least. Add the lines that balance it.",
		"L'écriture doit comporter au moins deux lignes, elle en a {count}. Ajoutez les lignes qui l'équilibrent.",
	},
	{
		fieldRequired, Error, "The {what} is missing. Fill it in.",
		"Champ obligatoire non renseigné : {what}. Complétez-le.",
	},
	{
		textInvalid, Error, "The text holds a line break or another control character, or is not UTF-8. Take it out.",
		"Le texte contient un saut de ligne ou un autre caractère de contrôle, ou n'est pas en UTF-8. Supprimez ce caractère.",
	},
	{
		valueUnknown, Error, "Loop knows no value \"{value}\" here. Use one that the documentation lists, or leave it out.",
		"Loop ne connaît pas la valeur « {value} » pour ce champ. Utilisez une valeur de la documentation, ou laissez le champ vide.",
	},
	{
		uuidInvalid, Error, "\"{value}\" is not a UUID. Give Loop's identifier, such as 3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90, not a code.",
		"« {value} » n'est pas un UUID. Indiquez l'identifiant de Loop, par exemple 3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90, et non un code.",
	},
	{
		dateInvalid, Error, "\"{value}\" is not a date. Write a day that exists as YYYY-MM-DD, such as 2026-03-31.",
		"« {value} » n'est pas une date. Écrivez un jour qui existe sous la forme AAAA-MM-JJ, par exemple 2026-03-31.",
	},
	{
		dateImplausible, Error, "The entry is dated {date}, which no fiscal year can hold: it is more than {years} years from today. " +
			"Give the accounting date; a program that has none may write this one for it.",
		"L'écriture est datée du {date}, à plus de {years} ans d'aujourd'hui : aucun exercice ne peut la contenir. " +
			"Indiquez la date comptable ; un programme qui n'en a pas peut écrire celle-ci à la place.",
	},
	{
		contextReversed, Error,
		"The context starts on {start}, after its end on {end}. Swap the two dates, or leave them out: they are then computed.",
		"Le contexte commence le {start}, après sa fin le {end}. Inversez les deux dates, ou omettez-les : elles seront calculées.",
	},
	{
		dateOutsideContext, Error, "The entry is dated {date}, outside the context of the import ({start} to {end}). " +
			"Correct the date, or widen the context or leave it out.",
		"L'écriture est datée du {date}, hors du contexte de l'import ({start} au {end}). Corrigez la date, ou élargissez le " +
			"contexte ou omettez-le.",
	},
	{
		datesFarApart, Warning, "The entries run from {start} to {end}, more than a year, and Loop books in the last open period only. " +
			"Check the dates; if they are right, set multi_period or split the import.",
		"Les écritures vont du {start} au {end}, soit plus d'un an, et Loop ne comptabilise que dans la dernière période ouverte. " +
			"Vérifiez les dates ; si elles sont exactes, activez multi_period ou scindez l'import.",
	},
	{
		dueDateEarly, Warning, "The due date {date} lies before the document's date {document}. Check both.",
		"La date d'échéance {date} est antérieure à la date de la pièce {document}. Vérifiez les deux dates.",
	},
	{
		cutoffIncomplete, Error, "Only one of the two cut-off dates is given. Give both, or neither.",
		"Une seule des deux dates de cut-off est renseignée. Renseignez les deux, ou aucune.",
	},
	{
		cutoffReversed, Error, "The cut-off period starts on {start}, after its end on {end}. Swap the two dates.",
		"La période de cut-off commence le {start}, après sa fin le {end}. Inversez les deux dates.",
	},
	{
		sideMissing, Error, "The line has no amount. Fill in the debit or the credit.",
		"La ligne n'a pas de montant. Renseignez le débit ou le crédit.",
	},
	{
		sideBoth, Error, "The line has a debit and a credit. Keep one and leave the other empty, even of a zero.",
		"La ligne a un débit et un crédit. Gardez l'un des deux et laissez l'autre vide, même sans zéro.",
	},
	{
		amountInvalid, Error, "\"{value}\" is not an amount. {advice}",
		"« {value} » n'est pas un montant. {advice}",
	},
	{
		amountZero, Warning, "The amount is zero. Take the line out unless it is meant.",
		"Le montant est nul. Supprimez la ligne, sauf si elle est voulue.",
	},
	{
		entryUnbalanced, Error, "The entry does not balance: debit {debit}, credit {credit}, difference {difference}. " +
			"Correct an amount, or add the line that is missing.",
		"L'écriture n'est pas équilibrée : débit {debit}, crédit {credit}, écart {difference}. " +
			"Corrigez un montant, ou ajoutez la ligne manquante.",
	},
	{
		currencyInvalid, Error,
		"\"{value}\" is not a currency. Write its ISO 4217 code, three capital letters such as USD, or leave it out for euro.",
		"« {value} » n'est pas une devise. Écrivez son code ISO 4217, trois lettres majuscules comme USD, ou laissez le champ vide pour l'euro.",
	},
	{
		currencyMissing, Error, "There is an amount or a rate in a currency, and no currency. Name the currency, or leave both out.",
		"Un montant ou un cours en devise est renseigné sans la devise. Indiquez la devise, ou supprimez le montant et le cours.",
	},
	{
		currencyAmountMissing, Error, "The amount in {currency} is missing. Fill in currency_amount; debit and credit are in euro.",
		"Le montant en {currency} manque. Renseignez currency_amount ; le débit et le crédit sont en euros.",
	},
	{
		currencyAmountInvalid, Error,
		"\"{value}\" is not an amount in a currency. Write digits with up to four decimals after a point and without a sign, such as 1234.5678.",
		"« {value} » n'est pas un montant en devise. Écrivez des chiffres avec quatre décimales au plus après un point, " +
			"sans signe, par exemple 1234.5678.",
	},
	{
		currencyAmountDiffers, Error, "The currency is the euro, and its amount {value} is not the amount of the line, {amount}. " +
			"Correct one, or leave currency and currency_amount out.",
		"La devise est l'euro, et le montant en devise {value} diffère du montant de la ligne, {amount}. Corrigez l'un des deux, ou supprimez " +
			"devise et montant en devise.",
	},
	{
		currencyRateInvalid, Error, "\"{value}\" is not a rate. Write a number above zero with a decimal point, such as 1.0871.",
		"« {value} » n'est pas un cours. Écrivez un nombre supérieur à zéro avec un point décimal, par exemple 1.0871.",
	},
	{
		currencyRateMissing, Warning, "The rate of {currency} is missing, and nothing says that Loop finds it by itself. Fill in currency_rate.",
		"Le cours de {currency} manque, et rien n'indique que Loop le retrouve seul. Renseignez currency_rate.",
	},
	{
		euroRateDiffers, Error, "The currency is the euro, and its rate is {value}. Leave the rate out, or name the currency.",
		"La devise est l'euro, et son cours est de {value}. Supprimez le cours, ou indiquez la devise.",
	},
	{
		currencyRateDiffers, Warning, "{value} {currency} at the rate {rate} are {computed} euro, or {inverse} if the rate is that of the " +
			"euro, and the line has {amount}. Correct the amount or the rate.",
		"{value} {currency} au cours de {rate} font {computed} euros, ou {inverse} si le cours est celui de l'euro, et la ligne en porte " +
			"{amount}. Corrigez le montant ou le cours.",
	},
	{
		currencyAmountZero, Warning,
		"The line has {amount} euro, and nothing in {currency}. Fill the amount in, unless it is an exchange difference.",
		"La ligne porte {amount} euros, et rien en {currency}. Renseignez le montant, sauf s'il s'agit d'un écart de change.",
	},
	{
		currenciesMixed, Warning,
		"The entry has lines in {currency} and in {other}. Book each currency in an entry of its own unless it is an exchange.",
		"L'écriture comporte des lignes en {currency} et en {other}. Passez une écriture par devise, sauf s'il s'agit d'un change.",
	},
	{
		entriesMightMerge, Error, "The entry has the journal, date, reference and document reference of entry {other} of this import, " +
			"so that Loop might book both as one. Give each a reference of its own, or import them apart.",
		"L'écriture a le même journal, la même date, la même référence et la même référence de pièce que l'écriture {other} de cet import : " +
			"Loop pourrait les réunir en une seule. Donnez à chacune sa propre référence, ou importez-les séparément.",
	},
	{
		journalReserved, Error, "The journal \"{value}\" is reserved for the opening balances that Loop makes itself. " +
			"Use another journal, such as the one for miscellaneous operations.",
		"Le journal « {value} » est réservé aux à-nouveaux générés par Loop. Utilisez un autre journal, par exemple celui " +
			"des opérations diverses.",
	},
	{
		documentReferenceMissing, Warning, "The document reference is missing: without it the entry cannot be looked up in Loop, for instance " +
			"when an answer gets lost. Fill it in.",
		"La référence de pièce n'est pas renseignée : sans elle, l'écriture ne peut pas être retrouvée dans Loop, par exemple si une réponse " +
			"se perd. Renseignez-la.",
	},
	{
		referenceUnsearchable, Warning, "The document reference \"{value}\" cannot be looked up in Loop, for instance when an answer gets " +
			"lost. Leave out quotation marks, backslashes and blanks at its ends, and keep it to {most} characters.",
		"La référence de pièce « {value} » ne peut pas être recherchée dans Loop, par exemple si une réponse se perd. " +
			"Évitez les guillemets droits, les barres obliques inverses et les espaces aux extrémités, et limitez-la à {most} caractères.",
	},
	{
		labelTooLong, Error, "The label has {count} characters, and Loop keeps {most}. Shorten it, or set cut_labels to have it cut.",
		"Le libellé compte {count} caractères, et Loop en conserve {most}. Raccourcissez-le, ou activez cut_labels pour qu'il soit coupé.",
	},
	{
		labelCut, Notice, "The label \"{value}\" was cut after {most} characters, as asked: \"{cut}\". Check that it still says enough.",
		"Le libellé « {value} » a été coupé à {most} caractères, comme demandé : « {cut} ». Vérifiez qu'il reste compréhensible.",
	},
	{
		labelMightBeCut, Warning, "The label has {count} characters, which a program that counts in UTF-16 takes for {units}; " +
			"Loop keeps {most}, and may cut it. Shorten it.",
		"Le libellé compte {count} caractères, soit {units} pour un programme qui compte en UTF-16 ; Loop en conserve {most} et peut le " +
			"couper. Raccourcissez-le.",
	},
	{
		thirdPartyTooLong, Error, "The third-party code \"{value}\" has {count} characters, and Loop keeps {most}. " +
			"Use the code as Loop knows it; it is never cut, as a cut code is another third party.",
		"Le code tiers « {value} » compte {count} caractères, et Loop en conserve {most}. Utilisez le code connu de Loop ; " +
			"il n'est jamais coupé, car un code coupé désigne un autre tiers.",
	},
	{
		thirdPartyMissing, Warning, "The line is on the account {value}, and names no third party. Give its code, or the line belongs to nobody.",
		"La ligne est sur le compte {value} et n'indique aucun tiers. Renseignez son code, sinon la ligne n'appartient à personne.",
	},
	{
		thirdPartyUnexpected, Warning, "The line is on the account {account}, and names the third party \"{value}\": charges and revenue have " +
			"none. Leave it out, or correct the account.",
		"La ligne est sur le compte {account} et indique le tiers « {value} » : les charges et les produits n'en ont pas. " +
			"Supprimez-le, ou corrigez le compte.",
	},
	{
		siretInvalid, Error, "\"{value}\" is not a SIRET. Write its 14 digits without spaces.",
		"« {value} » n'est pas un SIRET. Écrivez ses 14 chiffres sans espace.",
	},
	{
		siretChecksum, Error, "The SIRET {value} has a wrong check digit: a digit is mistyped. Correct it.",
		"La clé de contrôle du SIRET {value} est fausse : un chiffre est erroné. Corrigez-le.",
	},
	{
		siretsOfSeveral, Error,
		"The SIRET {value} belongs to the company {siren}, and others of this import to {other}. Import each company apart.",
		"Le SIRET {value} appartient à l'entreprise {siren}, et d'autres de cet import à {other}. Importez chaque entreprise séparément.",
	},
	{
		letteringUnbalanced, Error, "The lines lettered \"{value}\" on account {account} do not balance: debit {debit}, credit {credit}, " +
			"difference {difference}. Letter all lines of the match, or leave the code out and letter it in Loop.",
		"Les lignes lettrées « {value} » du compte {account} ne sont pas équilibrées : débit {debit}, crédit {credit}, écart {difference}. " +
			"Lettrez toutes les lignes du rapprochement, ou omettez le code et lettrez dans Loop.",
	},
	{
		letteringOnTwoAccounts, Error,
		"The lettering code \"{value}\" is on account {account} and on account {other}. A code serves one account: use another code.",
		"Le code lettrage « {value} » figure sur le compte {account} et sur le compte {other}. Un code ne sert que pour un compte : " +
			"utilisez un autre code.",
	},
	{
		letteringOfSeveral, Warning, "The lettering code \"{value}\" is on lines of the third parties \"{party}\" and \"{other}\". " +
			"Use a code for each third party unless they are to be matched with each other.",
		"Le code lettrage « {value} » figure sur des lignes des tiers « {party} » et « {other} ». Utilisez un code par tiers, " +
			"sauf s'ils doivent être lettrés ensemble.",
	},
	{
		letteringDateAlone, Error, "There is a lettering date without a lettering code. Add the code, or leave the date out.",
		"Une date de lettrage est renseignée sans code lettrage. Ajoutez le code, ou supprimez la date.",
	},
	{
		attachmentInvalid, Error,
		"The link to the document is not one that Loop can fetch. Give a full https:// link, without a user name or password before the host.",
		"Le lien vers la pièce n'est pas un lien que Loop peut télécharger. Donnez un lien https:// complet, sans identifiant ni mot de passe " +
			"devant le nom du serveur.",
	},
	{
		attachmentShortLived, Warning,
		"The link to the document ends at {end}, and Loop can fetch it up to 24 hours from now. Give a link that is valid for longer.",
		"Le lien vers la pièce expire le {end}, et Loop peut le télécharger jusqu'à 24 heures plus tard. Donnez un lien valable plus longtemps.",
	},
	{
		analyticsUnbalanced, Error, "The breakdown on axis \"{axis}\" adds up to {sum}, and the line to {amount}. Correct the parts.",
		"La ventilation sur l'axe « {axis} » totalise {sum}, et la ligne {amount}. Corrigez les montants ventilés.",
	},
	{
		vatRateUnknown, Warning, "The VAT of {amount} is {percent} % of its base of {base}, and fits none of the French rates (20, 10, 8.5, " +
			"5.5, 2.1, 1.75, 1.05, 0.9 %); at {rate} % it would be {expected}. Check the amount and the base.",
		"La TVA de {amount} représente {percent} % de sa base de {base} et ne correspond à aucun taux français (20, 10, 8,5, 5,5, 2,1, 1,75, " +
			"1,05, 0,9 %) ; à {rate} %, elle serait de {expected}. Vérifiez le montant et la base.",
	},
	{
		sidesSwapped, Warning, "{what}, as a credit note does, and nothing says that the entry is one. Swap debit and credit; " +
			"of a credit note, say so in the reference or the label.",
		"{what}, comme un avoir, et rien n'indique que l'écriture en est un. Inversez débit et crédit ; s'il s'agit d'un avoir, précisez-le " +
			"dans la référence ou le libellé.",
	},

	{
		journalUnknown, Error, "The dossier has no journal \"{value}\". Use one of its journals, create it in Loop, or set create_journals.",
		"Le dossier n'a pas de journal « {value} ». Utilisez un de ses journaux, créez-le dans Loop, ou activez create_journals.",
	},
	{
		journalToCreate, Notice, "The dossier has no journal \"{value}\": Loop will create it, as asked. Check the code.",
		"Le dossier n'a pas de journal « {value} » : Loop le créera, comme demandé. Vérifiez le code.",
	},
	{
		journalClosed, Error, "The journal \"{value}\" is closed. Use another one, or reopen it in Loop.",
		"Le journal « {value} » est fermé. Utilisez-en un autre, ou rouvrez-le dans Loop.",
	},
	{
		accountUnknown, Error,
		"The dossier has no account {value}. Use one of its accounts with all its digits, create it in Loop, or set create_accounts.",
		"Le dossier n'a pas de compte {value}. Utilisez un de ses comptes avec tous ses chiffres, créez-le dans Loop, " +
			"ou activez create_accounts.",
	},
	{
		accountToCreate, Notice, "The dossier has no account {value}: Loop will create it, as asked. Check the number.",
		"Le dossier n'a pas de compte {value} : Loop le créera, comme demandé. Vérifiez le numéro.",
	},
	{
		accountDefaulted, Warning, "The dossier has no account {value}: Loop will book the line on the default account. Check the number.",
		"Le dossier n'a pas de compte {value} : Loop comptabilisera la ligne sur le compte par défaut. Vérifiez le numéro.",
	},
	{
		accountClosed, Error, "The account {value} is closed. Use another one, or reopen it in Loop.",
		"Le compte {value} est fermé. Utilisez-en un autre, ou rouvrez-le dans Loop.",
	},
	{
		accountNotAnalytic, Error,
		"The account {value} takes no analytic breakdown. Leave the breakdown out, or allow it on the account in Loop.",
		"Le compte {value} n'accepte pas de ventilation analytique. Supprimez la ventilation, ou autorisez-la sur le compte dans Loop.",
	},
	{
		thirdPartyUnknown, Error, "The dossier has no third party \"{value}\": Loop would book the line on the waiting third party. " +
			"Use a code that exists, create it in Loop, or set create_third_parties.",
		"Le dossier n'a pas de tiers « {value} » : Loop comptabiliserait la ligne sur le tiers d'attente. Utilisez un code existant, " +
			"créez-le dans Loop, ou activez create_third_parties.",
	},
	{
		thirdPartyToCreate, Notice, "The dossier has no third party \"{value}\": Loop will create it, as asked. Check the code.",
		"Le dossier n'a pas de tiers « {value} » : Loop le créera, comme demandé. Vérifiez le code.",
	},
	{
		thirdPartyInactive, Error, "The third party \"{value}\" is inactive. Use another one, or activate it in Loop.",
		"Le tiers « {value} » est inactif. Utilisez-en un autre, ou réactivez-le dans Loop.",
	},
	{
		thirdPartyMisplaced, Warning,
		"The third party \"{value}\" is a {kind}, and the account {account} is that of the {other}s. Correct one of them.",
		"Le tiers « {value} » est un {kind}, et le compte {account} est celui des {other}s. Corrigez l'un des deux.",
	},
	{
		letteringIgnored, Warning, "Neither the account {account} nor the third party of the line can be lettered: " +
			"Loop will leave the lettering code out. Leave it out, or allow lettering in Loop.",
		"Ni le compte {account} ni le tiers de la ligne ne sont lettrables : Loop n'importera pas le code lettrage. " +
			"Supprimez-le, ou autorisez le lettrage dans Loop.",
	},
	{
		sectionUnknown, Error,
		"The dossier has no analytic section \"{value}\", and Loop would create it. Use one that exists, or create it in Loop.",
		"Le dossier n'a pas de section analytique « {value} », et Loop la créerait. Utilisez une section existante, ou créez-la dans Loop.",
	},
	{
		sectionClosed, Error, "The analytic section \"{value}\" is closed. Use another one, or reopen it in Loop.",
		"La section analytique « {value} » est fermée. Utilisez-en une autre, ou rouvrez-la dans Loop.",
	},
	{
		sirenInvalid, Error, "\"{value}\" is not a SIREN. Write its 9 digits without spaces.",
		"« {value} » n'est pas un SIREN. Écrivez ses 9 chiffres sans espace.",
	},
	{
		sirenChecksum, Error, "The SIREN {value} has a wrong check digit: a digit is mistyped. Correct it.",
		"La clé de contrôle du SIREN {value} est fausse : un chiffre est erroné. Corrigez-le.",
	},
	{
		legalFormInvalid, Error, "\"{value}\" is not the code of a legal form. Write Loop's code, in upper-case letters: SA, SARL, ASS.",
		"« {value} » n'est pas le code d'une forme juridique. Écrivez le code de Loop, en majuscules : SA, SARL, ASS.",
	},
	{
		entryAlreadyImported, Error, "The same entry is in the import {import}, which is {state}: it would be booked twice. Leave it out; " +
			"if it is meant, name that import in repeat_of, or set allow_duplicate.",
		"La même écriture figure dans l'import {import}, {state} : elle serait comptabilisée deux fois. Retirez-la ; si c'est voulu, " +
			"indiquez cet import dans repeat_of, ou activez allow_duplicate.",
	},
	{
		entryMaybeImported, Warning, "An entry of the same lines is in the import {import}, which is {state}, and no document reference tells " +
			"the two apart. Check that they are two, and give each a document reference.",
		"Une écriture de mêmes lignes figure dans l'import {import}, {state}, et aucune référence de pièce ne les distingue. " +
			"Vérifiez qu'il s'agit de deux écritures, et donnez à chacune une référence de pièce.",
	},
	{
		documentImported, Warning, "Another entry of the same journal, date and document reference is in the import {import}, " +
			"which is {state}. Check that the document is not booked twice.",
		"Une autre écriture de mêmes journal, date et référence de pièce figure dans l'import {import}, {state}. " +
			"Vérifiez que la pièce n'est pas comptabilisée deux fois.",
	},
	{
		entryNotInLoop, Notice, "The same entry is in the import {import}, which is {state}. Loop was asked for it and has none: {sought}. " +
			"It does not stop this import.",
		"La même écriture figure dans l'import {import}, {state}. Loop a été interrogé et n'en a aucune : {sought}. Elle ne fait pas obstacle.",
	},
}

// requiredNames name the fields of FIELD_REQUIRED.
var requiredNames = map[string]text{
	"journal":   {"journal code", "code journal"},
	"date":      {"date", "date"},
	"reference": {"reference", "référence"},
	"account":   {"account number", "numéro de compte"},
	"label":     {"label", "libellé"},
	"axis":      {"code of the axis", "code de l'axe"},
	"section":   {"code of the section", "code de la section"},
	"amount":    {"amount", "montant"},
}
