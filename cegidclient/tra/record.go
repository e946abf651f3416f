package tra

// Day is YYYY-MM-DD, or empty where there is none or none that can be read.
type Day string

// Decimal is a number as written, with a decimal point instead of the comma.
type Decimal string

// A record's positions are in its tags: where it begins, from 1 and in characters, how wide it is, and its name. Names
// in capitals are the description's, others are for want of one (loop-api: A 9.3 to 9.6).

// Header is the first line.
type Header struct {
	Producer      string `tra:"4,2,header.producer"` // S1, S3, S5, SI, QU, WS, WT
	Origin        string `tra:"6,3,header.origin"`   // CLI company, EXP accounting firm
	Content       string `tra:"9,3,header.content"`  // JRL journal, DOS whole dossier, BAL balance, SYN synchronisation, EXO
	Format        string `tra:"12,3,header.format"`  // STD, ETE extended
	YearToClose   string `tra:"15,3,header.year_to_close"`
	EuroDate      Day    `tra:"18,8,header.euro_date"`
	StopDate      Day    `tra:"26,8,header.stop_date"`
	Version       string `tra:"34,3,header.version"`
	DossierNumber string `tra:"37,5,header.dossier_number"`
	Generated     string `tra:"42,12,header.generated"` // DDMMYYYYHHMM
	User          string `tra:"54,35,header.user"`
	Company       string `tra:"89,35,header.company"`
	Takeover      string `tra:"124,4,header.takeover"`
	Dossier       string `tra:"128,6,header.dossier"`
	Frequency     string `tra:"134,3,header.frequency"`
	PurgeDate     Day    `tra:"137,8,header.purge_date"`
	SubVersion    string `tra:"145,3,header.sub_version"`
	NewAnalytics  bool   `tra:"148,1,header.new_analytics"` // NSA instead of SAT
	GUIDs         bool   `tra:"149,1,header.guids"`
	Farming       string `tra:"150,1,header.farming"`
	Sequence      string `tra:"151,15,header.sequence"`
}

// Journal is a record JAL.
type Journal struct {
	Code        string `tra:"7,3,JAL.code"`
	Label       string `tra:"10,35,JAL.label"`
	Nature      string `tra:"45,3,JAL.nature"`
	Numbering   string `tra:"48,3,JAL.numbering"`
	Numbering2  string `tra:"51,3,JAL.numbering_2"`
	Counterpart string `tra:"54,17,JAL.counterpart"`
	Axis        string `tra:"71,3,JAL.axis"`
	Mode        string `tra:"74,3,JAL.mode"`        // - document, BOR, LIB
	Automatic   string `tra:"77,200,JAL.automatic"` // accounts, with semicolons between
	Forbidden   string `tra:"277,200,JAL.forbidden"`
	ShortLabel  string `tra:"477,17,JAL.short_label"`
	Closed1     bool   `tra:"494,1,JAL.closed_1"`
	Closed2     bool   `tra:"495,1,JAL.closed_2"`
}

// Account is a record CGN.
type Account struct {
	Code            string `tra:"7,17,CGN.code"`
	Label           string `tra:"24,35,CGN.label"`
	Nature          string `tra:"59,3,CGN.nature"`
	Matchable       bool   `tra:"62,1,CGN.matchable"`
	Checkable       bool   `tra:"63,1,CGN.checkable"`
	Axis1           bool   `tra:"64,1,CGN.axis_1"` // broken down on it
	Axis2           bool   `tra:"65,1,CGN.axis_2"`
	Axis3           bool   `tra:"66,1,CGN.axis_3"`
	Axis4           bool   `tra:"67,1,CGN.axis_4"`
	Axis5           bool   `tra:"68,1,CGN.axis_5"`
	ShortLabel      string `tra:"239,17,CGN.short_label"`
	Side            string `tra:"256,3,CGN.side"` // D, C, M
	Mapping1        string `tra:"259,17,CGN.mapping_1"`
	Mapping2        string `tra:"276,17,CGN.mapping_2"`
	VAT             string `tra:"293,3,CGN.vat"`
	Closed          bool   `tra:"349,1,CGN.closed"`
	Collective      bool   `tra:"350,1,CGN.collective"`
	VATOnCollection bool   `tra:"415,1,CGN.vat_on_payments"`
}

// ThirdParty is a record CAE.
type ThirdParty struct {
	Code       string `tra:"7,17,CAE.code"`
	Label      string `tra:"24,35,CAE.label"`
	Nature     string `tra:"59,3,CAE.nature"`
	Matchable  bool   `tra:"62,1,CAE.matchable"`
	Collective string `tra:"63,17,CAE.collective"`
	EAN        string `tra:"80,17,CAE.ean"`
	Address1   string `tra:"267,35,CAE.address_1"`
	Address2   string `tra:"302,35,CAE.address_2"`
	Address3   string `tra:"337,35,CAE.address_3"`
	Postcode   string `tra:"372,9,CAE.postcode"`
	Town       string `tra:"381,35,CAE.town"`
	Country    string `tra:"463,3,CAE.country"`
	ShortLabel string `tra:"466,17,CAE.short_label"`
	Phone      string `tra:"490,25,CAE.phone"`
	VATRegime  string `tra:"540,3,CAE.vat_regime"`
	Terms      string `tra:"543,3,CAE.terms"`
	TaxID      string `tra:"581,17,CAE.tax_id"`
	SIRET      string `tra:"598,17,CAE.siret"`
	NAF        string `tra:"615,5,CAE.naf"`
	Email      string `tra:"800,50,CAE.email"`
	Closed     bool   `tra:"1041,1,CAE.closed"`
}

// Section is a record SAT, or NSA with the new analytics.
type Section struct {
	Code    string `tra:"7,17,section.code"`
	Label   string `tra:"24,35,section.label"`
	Axis    string `tra:"59,3,section.axis"`
	SubPlan string `tra:"62,3,section.sub_plan"` // of NSA
}

// FiscalYear is a record EXO.
type FiscalYear struct {
	Code    string `tra:"7,3,EXO.code"`
	Start   Day    `tra:"10,8,EXO.start"`
	End     Day    `tra:"18,8,EXO.end"`
	State   string `tra:"26,3,EXO.state"` // OUV, CDE, CPR, NON
	Label   string `tra:"32,35,EXO.label"`
	Opening string `tra:"67,3,EXO.opening"`
}

// Establishment is a record ETB.
type Establishment struct {
	Code  string `tra:"7,3,ETB.code"`
	Label string `tra:"10,35,ETB.label"`
	SIRET string `tra:"247,17,ETB.siret"`
}

// BankAccount is a record RIB of a third party.
type BankAccount struct {
	ThirdParty string `tra:"7,17,RIB.third_party"`
	Number     string `tra:"24,6,RIB.number"`
	Main       bool   `tra:"30,1,RIB.main"`
	BIC        string `tra:"119,35,RIB.bic"`
	IBAN       string `tra:"160,70,RIB.iban"`
}

// Parameter is any other record.
type Parameter struct {
	Name string // three letters
	Text string // behind them
}

// The kinds of movements (position 31).
const (
	General         = ""  // on a general account
	WithThirdParty  = "X" // on a general account and a third party
	Analytic        = "A" // breaks down the line before
	GeneralAnalytic = "H" // on a general account, and all of it on one section
	AnalyticJournal = "O" // on a section only
	Document        = "G" // names a file
	Technical       = "V"
)

// Movement is a line that is no parameter. Of documents and technical lines the fields from Label on are empty.
type Movement struct {
	Journal       string  `tra:"1,3,JOURNAL"`
	Date          Day     `tra:"4,8,DATECOMPTABLE"`
	DocumentType  string  `tra:"12,2,TYPE PIECE"` // FC, AC, RC customer's; FF, AF, RF supplier's; OD; OC, OF
	General       string  `tra:"14,17,GENERAL"`
	Kind          string  `tra:"31,1,TYPE CPTE"`
	Auxiliary     string  `tra:"32,17,AUXILIAIRE"` // third party, or section
	Reference     string  `tra:"49,35,REFINTERNE"`
	Label         string  `tra:"84,35,LIBELLE"`
	PaymentMode   string  `tra:"119,3,MODEPAIE"`
	Due           Day     `tra:"122,8,ECHEANCE"`
	Side          string  `tra:"130,1,SENS"`
	Amount1       Decimal `tra:"131,20,MONTANT1"`
	EntryType     string  `tra:"151,1,TYPE ECRITURE"` // N normal, S simulation, U situation, R revision
	Number        string  `tra:"152,8,NUMEROPIECE"`
	Currency      string  `tra:"160,3,DEVISE"`
	Rate          Decimal `tra:"163,10,TAUXDEV"`
	AmountCode    string  `tra:"173,3,CODEMONTANT"` // of each amount: E euro, D currency, - empty
	Amount2       Decimal `tra:"176,20,MONTANT2"`
	Amount3       Decimal `tra:"196,20,MONTANT3"`
	Establishment string  `tra:"216,3,ETABLISSEMENT"`
	Axis          string  `tra:"219,2,AXE"`
	Instalment    string  `tra:"221,2,NUMECHE"`

	// Debit and Credit are the amount in euro, zero where there is none that can be read.
	Debit, Credit Cents
	// Extended is nil in standard files, for lines that end before it, and for analytic ones, which have Breakdown.
	Extended  *Extended
	Breakdown *Breakdown
	// Path is the file that a document names.
	Path string
	// Data are the four texts of a technical line.
	Data [4]string
}

// Extended are the positions from 223 on of lines on general accounts.
type Extended struct {
	ExternalReference  string  `tra:"223,35,REFEXTERNE"`
	ExternalDate       Day     `tra:"258,8,DATEREFEXTERNE"`
	Created            Day     `tra:"266,8,DATECREATION"`
	Company            string  `tra:"274,3,SOCIETE"`
	Matter             string  `tra:"277,17,AFFAIRE"`
	RateDate           Day     `tra:"294,8,DATETAUXDEV"`
	Opening            string  `tra:"302,3,ECRANOUVEAU"` // N, OAN, H
	Quantity1          Decimal `tra:"305,20,QTE1"`
	Quantity2          Decimal `tra:"325,20,QTE2"`
	Unit1              string  `tra:"345,3,QUALIFQTE1"`
	Unit2              string  `tra:"348,3,QUALIFQTE2"`
	FreeReference      string  `tra:"351,35,REFLIBRE"`
	VATOnPayments      bool    `tra:"386,1,TVAENCAISSEMENT"`
	VATRegime          string  `tra:"387,3,REGIMETVA"`
	VAT                string  `tra:"390,3,TVA"`
	TPF                string  `tra:"393,3,TPF"`
	CounterpartGeneral string  `tra:"396,17,CONTREPARTIEGEN"`
	CounterpartParty   string  `tra:"413,17,CONTREPARTIEAUX"`
	CheckReference     string  `tra:"430,17,REFPOINTAGE"`
	Checked            Day     `tra:"447,8,DATEPOINTAGE"`
	Reminded           Day     `tra:"455,8,DATERELANCE"`
	ValueDate          Day     `tra:"463,8,DATEVALEUR"`
	RIB                string  `tra:"471,35,RIB"`
	Statement          string  `tra:"506,10,REFRELEVE"`
	FixedAsset         string  `tra:"516,17,NUMEROIMMO"`
	FreeText0          string  `tra:"533,30,LIBRETEXTE0"`
	FreeText1          string  `tra:"563,30,LIBRETEXTE1"`
	FreeText2          string  `tra:"593,30,LIBRETEXTE2"`
	FreeText3          string  `tra:"623,30,LIBRETEXTE3"`
	FreeText4          string  `tra:"653,30,LIBRETEXTE4"`
	FreeText5          string  `tra:"683,30,LIBRETEXTE5"`
	FreeText6          string  `tra:"713,30,LIBRETEXTE6"`
	FreeText7          string  `tra:"743,30,LIBRETEXTE7"`
	FreeText8          string  `tra:"773,30,LIBRETEXTE8"`
	FreeText9          string  `tra:"803,30,LIBRETEXTE9"`
	FreeAmount0        Decimal `tra:"845,20,LIBREMONTANT0"`
	FreeAmount1        Decimal `tra:"865,20,LIBREMONTANT1"`
	FreeAmount2        Decimal `tra:"885,20,LIBREMONTANT2"`
	FreeAmount3        Decimal `tra:"905,20,LIBREMONTANT3"`
	FreeDate           Day     `tra:"925,8,LIBREDATE"`
	FreeFlag0          bool    `tra:"933,1,LIBREBOOL0"`
	FreeFlag1          bool    `tra:"934,1,LIBREBOOL1"`
	Consolidation      string  `tra:"935,3,CONSO"`
	Covered            Decimal `tra:"938,20,COUVERTURE"`
	CoveredCurrency    Decimal `tra:"958,20,COUVERTUREDEV"`
	CoveredEuro        Decimal `tra:"978,20,COUVERTUREEURO"`
	PacketLast         Day     `tra:"998,8,DATEPAQUETMAX"`
	PacketFirst        Day     `tra:"1006,8,DATEPAQUETMIN"`
	Lettering          string  `tra:"1014,5,LETTRAGE"` // 4 characters
	LetteringCurrency  string  `tra:"1019,1,LETTRAGEDEV"`
	LetteringEuro      string  `tra:"1020,1,LETTRAGEEURO"`
	LetteringState     string  `tra:"1021,3,ETATLETTRAGE"` // RI not matchable, AL to match, PL partly, TL fully
	Table0             string  `tra:"1024,17,TABLE0"`
	Table1             string  `tra:"1041,17,TABLE1"`
	Table2             string  `tra:"1058,17,TABLE2"`
	Table3             string  `tra:"1075,17,TABLE3"`
	TradeReference     string  `tra:"1092,35,REFGESCOM"`
	MovementType       string  `tra:"1127,3,TYPEMVT"`
	OldDocument        string  `tra:"1130,10,DOCID (1130)"`
	Treasury           string  `tra:"1140,3,TRESOSYNCHRO"`
	Cheque             string  `tra:"1143,17,NUMTRAITECHQ"`
	Collection         string  `tra:"1160,17,NUMENCADECA"`
	Validated          bool    `tra:"1177,1,VALIDE"`
	CutoffStart        Day     `tra:"1178,8,CUTOFFDEB"`
	CutoffEnd          Day     `tra:"1186,8,CUTOFFFIN"`
	CutoffComputed     Day     `tra:"1194,8,CUTOFFDATECALC"`
	EntryKey           string  `tra:"1202,35,CLEECR"`
	Confidential       string  `tra:"1237,1,CONFIDENTIEL"`
	CFONB              string  `tra:"1238,1,CFONBOK"`
	Acceptance         string  `tra:"1239,3,CODEACCEPT"`
	DocumentID         string  `tra:"1242,8,DOCID"`
	DueAccount         string  `tra:"1250,17,ECHCOMPTE"`
	DueJournal         string  `tra:"1267,3,ECHJOURNAL"`
	SortDate           Day     `tra:"1270,8,DATETRI"`
	Qualifier          string  `tra:"1278,3,QUALIFORIGINE"`
	GUID               string  `tra:"1281,36,REFGUID"`
	CIE                string  `tra:"1317,3,CIE"`
	ICS                string  `tra:"1320,35,ICS"`
	RUM                string  `tra:"1355,35,RUM"`
	Group              string  `tra:"1390,5,NUMGROUPEECR"`
	FECNumber          string  `tra:"1395,5,ECRITURENUM"`
	ValidDate          Day     `tra:"1400,8,VALIDDATE"`
}

// Breakdown are the positions from 223 on of analytic lines, as far as they differ.
type Breakdown struct {
	Type         string `tra:"386,1,TYPEANALYTIQUE"`
	SubPlan1     string `tra:"431,17,sub_plan_1"`
	SubPlan2     string `tra:"448,17,sub_plan_2"`
	SubPlan3     string `tra:"465,17,sub_plan_3"`
	SubPlan4     string `tra:"482,17,sub_plan_4"`
	SubPlan5     string `tra:"499,17,sub_plan_5"`
	Number       string `tra:"1014,5,NUMVENTIL"`
	Confidential string `tra:"1178,1,CONFIDENTIEL (1178)"`
	SubPlan6     string `tra:"1179,17,sub_plan_6"`
	GUID         string `tra:"1196,36,REFGUID (1196)"`
}
