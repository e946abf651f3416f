package cegidclient

import "slices"

// Resend says whether a call may be sent to Loop again. It is a property of Loop's operation, not of ours.
type Resend string

// The values. Whatever is not one of them counts as never.
const (
	// ResendAlways: a pure read.
	ResendAlways Resend = "always"
	// ResendNever: it books or stores; a second sending may do it twice.
	ResendNever Resend = "never"
	// ResendReadBack: one attempt; after a lost answer the object is read back by its natural key or revision.
	ResendReadBack Resend = "read_back"
)

// Confidence is how well an operation is known (docs/loop-api/README.md, "Marks").
type Confidence string

// The values.
const (
	Documented       Confidence = "documented"
	PartlyDocumented Confidence = "partly documented"
	Inferred         Confidence = "inferred"
)

// KeyBasis is where the kind of key is known from.
type KeyBasis string

// The values.
const (
	KeyStated    KeyBasis = "stated"
	KeyInferred  KeyBasis = "inferred"
	KeyNotStated KeyBasis = "not stated"
)

// Operation is one entry of the inventory: everything that Loop is known or said to offer, wrapped here or not.
type Operation struct {
	// row is its number; operations of which Loop's pages tell as of one share it.
	row int
	// ID is stable and in snake case, e.g. list_accounts.
	ID string
	// Method and Path are empty where unknown. Path is relative to the base URL, spelt as Loop prints it.
	Method, Path string
	Title        string
	Key          KeyKind
	KeyBasis     KeyBasis
	Confidence   Confidence
	Resend       Resend
	// Harmless: repeating it books and stores nothing, although this client sends it once. What Loop refuses in words is then
	// refused, whatever the status.
	Harmless bool
	// Wrapped: this package has methods for it.
	Wrapped bool
	// Declined: not wrapped on purpose; Note says why.
	Declined bool
	// Unverified: what must be sent (route or body) is inferred, so it needs the operator's consent.
	Unverified bool
	// Reference is the section of docs/loop-api (R, A, C).
	Reference string
	// Unknown says what is not known.
	Unknown string
	Note    string
}

// books: a second sending may book or store twice. Whatever is not said to be harmless counts.
func (o *Operation) books() bool { return o.Resend != ResendAlways && o.Resend != ResendReadBack }

// Operations returns the inventory in the order of Loop's documentation. The caller owns it.
func Operations() []Operation {
	return slices.Concat(settingsOperations(), accountingOperations(), practiceOperations())
}

// OperationByID finds an entry of the inventory.
func OperationByID(id string) (Operation, bool) {
	for _, op := range Operations() {
		if op.ID == id {
			return op, true
		}
	}
	return Operation{}, false
}

func settingsOperations() []Operation {
	list := func(row int, id, path, title string, c Confidence, ref, unknown string) Operation {
		return Operation{
			row: row, ID: id, Method: "GET", Path: path, Title: title, Key: KeyStandard, KeyBasis: KeyInferred,
			Confidence: c, Resend: ResendAlways, Wrapped: true, Reference: ref, Unknown: unknown,
		}
	}
	create := func(row int, id, path, title, ref, unknown string) Operation {
		return Operation{
			row: row, ID: id, Method: "POST", Path: path, Title: title, Key: KeyStandard, KeyBasis: KeyInferred,
			Confidence: PartlyDocumented, Resend: ResendReadBack, Wrapped: true, Unverified: true, Reference: ref, Unknown: unknown,
			Note: "What is sent, an array of the fields that the list shows, is inferred. Found again by its number or code after a lost answer.",
		}
	}
	thirdParties := func(row int, id, path, title, unknown string) Operation {
		return list(row, id, path, title, PartlyDocumented, "R 6.1", unknown)
	}
	return []Operation{
		list(1, "list_accounts", "/compte", "Chart of accounts", PartlyDocumented, "R 2.1",
			"Meaning of the types 1 to 7; fields after the VAT code."),
		create(2, "create_account", "/compte", "Create an account", "R 2.2", "The printed route, body, required fields and answer."),
		list(3, "list_journals", "/journal", "Journals", Documented, "R 3.1", "Values of the label entry mode."),
		create(4, "create_journal", "/journal", "Create a journal", "R 3.2", "Body, required fields and answer."),
		list(5, "list_analytic_sections", "/section", "Analytic sections", Documented, "R 4.1",
			"Whether the axis is described by a text or a list."),
		thirdParties(6, "list_customers", "/tiersClient", "Customers",
			"Fields after the VAT liability; inside of addresses and bank details; validation values; envelope."),
		thirdParties(7, "list_suppliers", "/tiersFournisseur", "Suppliers",
			"Fields after the contra account; envelope; letter case of the route."),
		thirdParties(8, "list_employees", "/tiersSalarie", "Employees as third parties",
			"Fields after the SIRET; envelope; letter case of the route."),
		thirdParties(9, "list_other_third_parties", "/tiersDivers", "Other third parties", "Fields after the bank details; envelope."),
		list(10, "list_vat_codes", "/tva", "VAT codes", PartlyDocumented, "R 8.1",
			"Values of the collected side and every field after it, the rate included; envelope."),
		list(11, "list_establishments", "/etablissementComplet", "Establishments", PartlyDocumented, "R 7.1",
			"Fields after the company name (SIRET, address); envelope."),
		list(12, "get_dossier_identity", "/DossierComplet", "SIREN and legal form of a dossier", Documented, "R 7.2", ""),
		{
			row: 13, ID: "update_dossier_identity", Method: "PUT", Path: "/DossierComplet", Title: "Change SIREN and legal form",
			Key: KeyStandard, KeyBasis: KeyInferred, Confidence: Documented, Resend: ResendReadBack, Wrapped: true, Reference: "R 7.3",
			Unknown: "The full list of legal forms; the entries of the error list; what a stale revision answers.",
			Note:    "Carries the revision, which tells after a lost answer whether it took effect.",
		},
		unseen(14, "get_legal_establishment", "Legal establishment", ResendAlways, "R 7.4", "Route and answer; Loop names the operation."),
		unseen(14, "update_legal_establishment", "Change the legal establishment", ResendNever, "R 7.4",
			"Route, body and answer; Loop names the operation."),
		unseen(15, "list_analytic_axes", "Analytic axes", ResendAlways, "R 5", "Everything; axes can be derived from the sections."),
		unseen(15, "write_analytic_sections", "Writes on analytic sections", ResendNever, "R 4.2", "Everything."),
		unseen(15, "write_third_parties", "Writes on third parties", ResendNever, "R 6.2", "Everything."),
		unseen(15, "write_vat_codes", "Writes on VAT codes", ResendNever, "R 8.2", "Everything."),
	}
}

// unseen is an operation whose existence is stated or supposed and whose route was not seen.
func unseen(row int, id, title string, resend Resend, ref, unknown string) Operation {
	return Operation{
		row: row, ID: id, Title: title, KeyBasis: KeyNotStated, Confidence: Inferred, Resend: resend,
		Unverified: true, Reference: ref, Unknown: unknown,
	}
}

func accountingOperations() []Operation {
	standard := func(row int, id, method, path, title string, c Confidence, r Resend, ref, unknown string) Operation {
		return Operation{
			row: row, ID: id, Method: method, Path: path, Title: title, Key: KeyStandard, KeyBasis: KeyInferred,
			Confidence: c, Resend: r, Wrapped: true, Reference: ref, Unknown: unknown,
		}
	}
	entries := standard(16, "import_entries", "POST", "/importJson", "Import entries", Documented, ResendNever, "A 2",
		"Items of the analytic axes and of the account rules; required fields and lengths of a line; how lines become entries.")
	entries.Note = "That nothing was booked when Loop answers 401, 403, 404, 413 or 429 is inferred."
	analytics := standard(16, "import_json_analytics", "POST", "/importJson", "Analytic breakdown of imported entries", Documented,
		ResendNever, "A 2.4",
		"The JSON of a breakdown: Loop shows it in screenshots only.")
	analytics.Unverified = true
	analytics.Note = "A part of import_entries, not a call of its own: axeAna as an object of axes, each a list of section " +
		"and amount, is inferred."
	status := standard(21, "get_import_status", "GET", "/getImportStatus", "Status of an import", PartlyDocumented, ResendAlways, "A 3.6",
		"The whole page: parameter and numbers come from third parties; the error detail.")
	replay := standard(27, "replay_sink", "POST", "/partialInit", "Send the changes of recent days again", Documented, ResendNever, "A 6",
		"Errors; whether the number of days is really required.")
	replay.Harmless = true
	replay.Note = "Books nothing: sent twice, it sends the changes twice. Unstable: the API does not tell the id of a subscription."
	booked := standard(23, "list_entry_lines", "GET", "/EcritureComptable", "Accounting entries", PartlyDocumented, ResendAlways, "A 4",
		"All fields of the answer; whether skip goes past 100; whether each line is lettered or not, and of a journal and account of the lists.")
	tra := standard(18, "import_tra", "POST", "/importTRA", "Import entries from a TRA file", PartlyDocumented, ResendNever, "A 3.3",
		"The whole page: names of the body and their case, refusals, the part of the format that is read.")
	tra.Unverified = true
	tra.Note = "That it takes what the sister pages take, URI or URL and SIRET, is inferred. The client can be told other names."
	fec := standard(17, "import_fec", "POST", "/importFEC", "Import entries from a FEC file", Documented, ResendNever, "A 3.2",
		"Refusals; whether the SIRET is accepted; the encoding and separator wanted.")
	fec.Note = entries.Note
	custom := standard(19, "import_custom", "POST", "/importPerso", "Import entries with a model of the practice", Documented, ResendNever,
		"A 3.4",
		"How to list the import models.")
	custom.Note = entries.Note
	deposit := standard(20, "get_file_deposit", "GET", "/getFileUrlDeposit", "A place to deposit a file", Documented, ResendAlways, "A 3.1",
		"Lifetime of the link; whether both parts come in one object.")
	deposit.Note = "The file itself goes to Azure's storage, which sees no key of Loop's. Asking twice gives two places."
	document := standard(25, "store_document", "POST", "/storeDocument", "Drop a document into the accounting robot", PartlyDocumented,
		ResendNever, "A 5",
		"Answer, errors, the collection stage.")
	document.Note = "A third party says that it takes the Standard key. That the body is the bare file, and how a refusal looks, " +
		"is inferred: nobody has verified it against Loop. Loop does not check the dossier; this service does, before it sends."
	sink := func(id, title string) Operation {
		return Operation{
			row: 26, ID: id, Title: title, Key: KeyStandard, KeyBasis: KeyInferred, Confidence: PartlyDocumented,
			Resend: ResendNever, Unverified: true, Reference: "A 6", Unknown: "Route and body; the two kinds of storage; the initialisation.",
		}
	}
	return []Operation{
		entries,
		analytics,
		fec,
		tra,
		custom,
		deposit,
		status,
		unseen(22, "list_import_history", "History of imports", ResendAlways, "A 3.7", "Route and fields; Loop states that it exists."),
		booked,
		unseen(24, "update_analytic_breakdown", "Change the analytic breakdown of an entry", ResendNever, "A 4",
			"Route and body; Loop states that it exists."),
		document,
		sink("create_sink_subscription", "Create a subscription to changes"),
		sink("set_sink_storage", "Set the storage of a subscription"),
		sink("add_sink_dossiers", "Add dossiers to a subscription"),
		sink("remove_sink_dossiers", "Remove dossiers from a subscription"),
		replay,
		{
			row: 28, ID: "sink_files", Title: "Change files and daily report", KeyBasis: KeyNotStated, Confidence: PartlyDocumented,
			Resend: ResendNever, Unverified: true, Reference: "A 6", Unknown: "Schemas, but for the first fields of entries; names of data files.",
			Note: "Files in the practice's storage; there is no HTTP call.",
		},
	}
}

func practiceOperations() []Operation {
	list := func(row int, id, path, title string, basis KeyBasis, c Confidence, ref, unknown string) Operation {
		return Operation{
			row: row, ID: id, Method: "GET", Path: path, Title: title, Key: KeyAdvanced, KeyBasis: basis,
			Confidence: c, Resend: ResendAlways, Wrapped: true, Reference: ref, Unknown: unknown,
		}
	}
	const existence = "Route and body; Loop states that it exists."
	return []Operation{
		list(29, "list_offices", "/AgenceCabinet", "Offices of the practice", KeyStated, PartlyDocumented, "C 4.1",
			"Fields after the extension; envelope."),
		list(30, "list_work_groups", "/groupe", "Work groups", KeyStated, Documented, "C 4.2", ""),
		list(31, "list_staff", "/CollaborateurCabinet", "Staff of the practice", KeyStated, PartlyDocumented, "C 4.3",
			"Fields after the first name; envelope."),
		unseen(32, "update_staff_member", "Change a staff member", ResendNever, "C 4.3", "Route and body."),
		list(33, "list_engagements", "/engagement", "Engagements", KeyStated, PartlyDocumented, "C 4.4",
			"Fields after the end date; form of dates; what codeIBS holds."),
		list(34, "list_engagement_activities", "/giActivitesMission", "Activities of an engagement letter", KeyInferred, PartlyDocumented,
			"C 4.5",
			"Fields after the due day; envelope."),
		unseen(35, "list_engagement_letters", "Engagement letters", ResendAlways, "C 4.5", "Everything."),
		{
			row: 36, ID: "check_staff_access", Method: "POST", Path: "/checkCollaborateurAccess",
			Title: "Is a dossier in a staff member's portfolio",
			Key:   KeyAdvanced, KeyBasis: KeyInferred, Confidence: Documented, Resend: ResendAlways, Wrapped: true,
			Reference: "C 4.6", Unknown: "Further error codes; kind of key.",
			Note: "A question put as a POST; that asking twice is harmless is inferred. Needs the practice's domain.",
		},
		{
			row: 37, ID: "add_offer", Method: "POST", Path: "/collaborativeOffer/addOffer", Title: "Add an offer (old)", KeyBasis: KeyNotStated,
			Confidence: Documented, Resend: ResendNever, Declined: true, Unverified: true, Reference: "C 4.8", Unknown: "Body and answer.",
			Note: "Deliberately not wrapped: deprecated by Loop since 2024-07-01, in favour of add_collaborative_offer. Not to be called.",
		},
		{
			row: 38, ID: "add_collaborative_offer", Method: "POST", Path: "/collaborativeOffer/addCollaborativeOffer",
			Title:    "Add an offer to a dossier for a contact",
			KeyBasis: KeyNotStated, Confidence: PartlyDocumented, Resend: ResendNever, Declined: true, Unverified: true, Reference: "C 4.8",
			Unknown: "Body, answer, errors, kind of key.",
			Note:    "Deliberately not wrapped: it gives a client's contact access to a dossier, and nobody has seen what must be sent.",
		},
		unseen(39, "remove_offer", "Remove an offer for all contacts", ResendNever, "C 4.8", existence),
		unseen(39, "remove_contact_offer", "Remove an offer for one contact", ResendNever, "C 4.8", existence),
		unseen(40, "list_key_dossiers", "Dossiers tied to an application key", ResendAlways, "C 4.8",
			"Route and answer; Loop states that it exists."),
		unseen(41, "provision_dossier", "Provision a dossier", ResendNever, "C 4.8", existence),
		unseen(42, "create_contact_with_offer", "Create a contact and give an offer", ResendNever, "C 4.8", existence),
		unseen(42, "update_contact_with_offer", "Change a contact and give an offer", ResendNever, "C 4.8", existence),
	}
}
