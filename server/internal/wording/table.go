package wording

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// Case is what went wrong, where no error, problem or cause of another package's says all of it.
type Case string

// The cases of handlers.
const (
	UploadSlow      Case = "upload slow"
	UploadMetadata  Case = "upload without metadata"
	UploadTwice     Case = "upload with metadata twice"
	UploadData      Case = "upload without data"
	RawAnswer       Case = "raw answer too large"
	MaskEmpty       Case = "mask empty"
	MaskOther       Case = "field beside the mask"
	FilterNeedsKind Case = "filter without kind"
	OrderNeedsKind  Case = "order without kind"
)

const (
	practiceCode    Case = "practice's code missing"
	goesOnStopping  Case = "goes on while the server stops"
	interrupted     Case = "interrupted before anything was sent"
	ledgerSilent    Case = "ledger silent"
	duplicate       Case = "duplicate"
	duplicateOf     Case = "duplicate of"
	uncertain       Case = "uncertain"
	formatDiffers   Case = "format differs"
	analytics       Case = "analytics unverified"
	formatTRA       Case = "TRA unverified"
	resolved        Case = "nothing to resolve"
	maybeBooked     Case = "may be booked"
	maybeBookedSeen Case = "may be booked, by evidence"
	statedOtherwise Case = "stated otherwise"
	routeWrapped    Case = "route wrapped"
	routeDeprecated Case = "route deprecated"
	routesClosed    Case = "routes closed"
	routeNotListed  Case = "route not listed"
	otherDossier    Case = "other dossier"
	fileInvalid     Case = "file invalid"
	entrySeen       Case = "entry in an import that was looked for"
)

const (
	// uploadRetry is when to come again for a place, roomRetry for room on the disk, ledgerRetry for the ledger.
	uploadRetry = 2 * time.Second
	roomRetry   = 30 * time.Second
	ledgerRetry = 5 * time.Second
)

// row is a row without its key.
func row(code codes.Code, reason looppb.ErrorReason, english, french string) apierror.Row {
	return apierror.NewRow(code, reason, english, french)
}

// wrong is the row of a field of a wrong shape.
func wrong(english, french string) apierror.Row {
	return row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, english, french)
}

// outcomeUnknown is the row of an unknown outcome.
func outcomeUnknown(english, french string) apierror.Row {
	return row(codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN, english, french)
}

// stopped is what a server did not send as it ended.
func stopped(english, french string) apierror.Row {
	return row(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN, english, french)
}

func kindCause(kind cegidclient.Kind) ledger.Cause { return ledger.Cause(kind.String()) }

// rows is the table: what callers are told about each error of submission's, each problem, each cause of the ledger's and each case
// of handlers. Loop's errors outside of a write have theirs in apierror.
var rows = map[any]apierror.Row{
	// What is taken on, and what is not.
	submission.ErrReused: row(codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED,
		"it belongs to another write already: give each document an id of its own, and repeat a call unchanged",
		"Cet identifiant désigne déjà autre chose. Donnez à chaque pièce un identifiant propre, et répétez un appel sans rien y changer."),
	submission.ErrGoesOn: row(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the time allowed for the call is over, and {it} may go on without you: repeat the call with the same request_id, "+
			"and you get its outcome",
		"Le délai de l'appel est dépassé, mais {it} peut se poursuivre sans vous. Refaites l'appel avec le même identifiant pour "+
			"en connaître le résultat."),
	goesOnStopping: stopped(
		"this server is shutting down, and {it} may go on without you: repeat the call with the same request_id, and you get its outcome",
		"Ce serveur s'arrête, mais {it} peut se poursuivre sans vous. Refaites l'appel avec le même identifiant pour en connaître le résultat.").
		After(apierror.Soon),
	submission.ErrStopping: stopped(
		"this server is shutting down, and has sent nothing: call again with the same request_id",
		"Ce serveur s'arrête et n'a rien envoyé à Loop. Refaites l'appel avec le même identifiant.").After(apierror.Soon),
	interrupted: row(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the time allowed for the call is over, and nothing was sent: repeat the call with the same request_id",
		"Le délai de l'appel est dépassé, et rien n'a été envoyé à Loop. Refaites l'appel avec le même identifiant."),
	ledgerSilent: row(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		"this service's ledger of writes does not answer: repeat the call, and a write with the same request_id",
		"Le registre des envois de ce service ne répond pas. Refaites l'appel ; pour un envoi, gardez le même identifiant.").After(ledgerRetry),
	submission.ErrPreparation: row(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"within {limit} Loop did not answer the reads before the write: nothing was sent",
		"En {limit}, Loop n'a pas répondu aux lectures qui précèdent un envoi : rien n'a été envoyé. Refaites l'appel avec le même identifiant.").
		After(submission.Preparation),
	duplicate: row(codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT,
		"{again} within 30 days under another request_id; if that is meant, set allow_duplicate",
		"{again} il y a moins de 30 jours sous un autre identifiant. Si c'est voulu, autorisez le doublon."),
	duplicateOf: row(codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_DUPLICATE_CONTENT,
		"{again} under request_id {id}, which is {state}; if that is meant, set allow_duplicate",
		"{again} sous l'identifiant {id}, à l'état « {state} ». Si c'est voulu, autorisez le doublon."),
	entrySeen: row(codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_ENTRY_ALREADY_IMPORTED,
		"{what} is in {import}. {why}. Look for it in Loop: if it is not there, {way}.",
		"{what} figure dans {import}. {why}. Cherchez-la dans Loop : si elle n'y est pas, {way}."),
	fileInvalid: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FILE_INVALID,
		"the file has {count}, which ValidateFile lists, and Loop was not called: {place}: {finding}",
		"{place} : {finding} Le fichier a {count}, et rien n'a été demandé à Loop. La validation du fichier les donne toutes."),

	// What nobody has, or others alone.
	submission.ErrImportUnknown: row(codes.NotFound, looppb.ErrorReason_ERROR_REASON_IMPORT_UNKNOWN,
		"there is no import of that id, or you may not see it",
		"Vous ne voyez aucun import de cet identifiant. Vérifiez l'identifiant, le cabinet et le dossier."),
	submission.ErrDocumentUnknown: row(codes.NotFound, looppb.ErrorReason_ERROR_REASON_DOCUMENT_UNKNOWN,
		"there is no document of that id, or you may not see it",
		"Vous ne voyez aucun document de cet identifiant. Vérifiez l'identifiant, le cabinet et le dossier."),
	submission.ErrDepositUnknown: row(codes.NotFound, looppb.ErrorReason_ERROR_REASON_DEPOSIT_UNKNOWN,
		"you have no deposit of that id for this dossier, or it has expired, or an older version made it: deposit the file again, "+
			"and import that one under the same request_id",
		"Vous n'avez pas de dépôt de cet identifiant dans ce dossier, ou il a expiré, ou une version antérieure l'a fait. "+
			"Déposez à nouveau le fichier, et importez-le sous le même identifiant d'import."),

	// Decisions on an import that are not taken.
	resolved: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_NOTHING_TO_RESOLVE,
		"there is nothing to resolve, the import is {state}: {standing}",
		"Il n'y a rien à trancher, l'import est à l'état « {state} » : {standing}."),
	maybeBooked: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_MAY_BE_BOOKED,
		"the import may be booked, or may yet be",
		"L'import est peut-être comptabilisé, ou peut encore l'être. Cherchez-le dans Loop."),
	maybeBookedSeen: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_MAY_BE_BOOKED,
		"the import may be booked, or may yet be: {evidence}",
		"L'import est peut-être comptabilisé, ou peut encore l'être : {evidence}."),
	statedOtherwise: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_STATED_OTHERWISE,
		"{caller} has stated {outcome} at {time}, and a statement is not taken back",
		"{caller} a déclaré cet import {outcome} le {time}, et une déclaration ne se retire pas. Voyez avec l'auteur de la déclaration."),

	// What the operator has not enabled or listed.
	analytics: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
		"Loop does not document how analytics are written, and the operator has not enabled {operation}: "+
			"leave the analytics out, or have it enabled",
		"Loop ne documente pas l'envoi d'une ventilation analytique, et l'administrateur du service n'a pas activé {operation}. "+
			"Retirez la ventilation, ou demandez-lui de l'activer."),
	formatTRA: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
		"nobody has verified how Loop imports TRA files, and the operator has not enabled {operation}: "+
			"have it enabled under unverified_operations; ValidateFile needs no consent",
		"Personne n'a vérifié comment Loop importe les fichiers TRA, et l'administrateur du service n'a pas activé {operation}. "+
			"Demandez-lui de l'activer ; la validation du fichier reste possible sans cela."),
	routeWrapped: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_WRAPPED,
		"this route has an RPC: call {rpcs}",
		"Cette route a une opération à elle : appelez {rpcs}."),
	routeDeprecated: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED,
		"Loop has deprecated this route: do not call it any more",
		"Loop a déclaré cette route obsolète : ne l'appelez plus."),
	routesClosed: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED,
		"raw calls are off: the operator lists the routes that may be called under raw in the configuration",
		"Les appels directs sont désactivés. L'administrateur du service inscrit les routes permises sous raw, dans la configuration."),
	routeNotListed: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_RAW_ROUTE_NOT_LISTED,
		"this method and path are not among the routes that the operator listed under raw in the configuration; "+
			"both must be spelt as they are there",
		"Cette méthode et ce chemin ne sont pas parmi les routes que l'administrateur du service a inscrites sous raw, dans la configuration. "+
			"Écrivez-les exactement comme là-bas, ou demandez-lui de les inscrire."),
	otherDossier: row(codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_RAW_OTHER_DOSSIER,
		"it names a dossier otherwise than the request does: everywhere a dossier is named, it must be the one of the field dossier",
		"Un dossier y est nommé autrement que dans la demande. Partout où un dossier est nommé, mettez celui du champ dossier."),

	// Uploads, and room for them.
	submission.ErrDocumentEmpty: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_DOCUMENT_EMPTY,
		"the file is empty",
		"Le fichier est vide. Choisissez-en un autre."),
	submission.ErrCallerFull: row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		"as many files of this caller are under way as it may have: wait for some to end",
		"Votre application a déjà autant de fichiers en cours que permis. Attendez la fin de quelques-uns.").After(uploadRetry),
	submission.ErrFull: row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		"as many files are under way as this service takes at once: wait for some to end",
		"Ce service a déjà autant de fichiers en cours qu'il en accepte à la fois. Attendez la fin de quelques-uns.").After(uploadRetry),
	submission.ErrNoRoom: row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_SPOOL_FULL,
		"there is no room for the file on the server's disk for now, and nothing was sent to Loop: send it again later, "+
			"and tell the operator if it lasts",
		"Le disque du serveur n'a plus de place pour le fichier, et rien n'a été envoyé à Loop. Envoyez-le à nouveau plus tard, et prévenez "+
			"l'administrateur du service si cela dure.").After(roomRetry),
	UploadSlow: row(codes.DeadlineExceeded, looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the file did not arrive in time, and nothing was sent to Loop: send it again, in pieces of up to 1 MiB",
		"Le fichier n'est pas arrivé à temps, et rien n'a été envoyé à Loop. Envoyez-le à nouveau, par morceaux de 1 Mio au plus."),
	UploadMetadata: wrong("is missing: send it first, and the bytes after it",
		"La description du fichier manque. Envoyez-la d'abord, et le contenu ensuite."),
	UploadTwice: wrong("is given twice: send it first, and then the bytes alone",
		"La description du fichier est donnée deux fois. Envoyez-la d'abord, puis le contenu seul."),
	UploadData: wrong("is missing from a message of the upload",
		"Le contenu manque dans un message de l'envoi. Mettez une partie du fichier dans chacun."),

	// What is wrong with an argument.
	formatDiffers: wrong("is not that of the deposit, which is {format}: say that, or leave it out",
		"Ce n'est pas le format du dépôt, qui est {format}. Indiquez celui-ci, ou laissez le champ vide."),
	submission.NotIgnorable: wrong("{value} cannot be ignored: it is an error that no call may ignore, or no code of this kind of import",
		"{value} ne peut pas être ignoré : c'est une erreur qui demeure, ou un code inconnu de ce type d'import. Retirez-le de la liste."),
	submission.FormatMissing: wrong("is missing: this service does not read a file behind a link, so give its format",
		"Le format manque : personne ici ne lit un fichier derrière un lien. Indiquez ce qu'il est."),
	submission.ModelMissing: wrong("is missing: name the model in Loop that explains the columns of a custom file",
		"Le modèle manque. Nommez le modèle de Loop qui explique les colonnes d'un fichier personnalisé."),
	submission.ModelGiven: wrong("is for custom files: leave it out",
		"Le modèle est réservé aux fichiers personnalisés. Laissez ce champ vide."),
	submission.LinkRelative: wrong("is no absolute link: give scheme, host and path, percent-encoded",
		"Ce lien n'est pas complet. Donnez le protocole, l'hôte et le chemin, avec l'encodage des caractères spéciaux."),
	submission.LinkUser: wrong("holds a user or a password: give a link that is authorised by its query",
		"Ce lien contient un nom d'utilisateur ou un mot de passe. Donnez un lien dont les paramètres portent l'autorisation."),
	submission.LinkFragment: wrong("has a part after #, which no server is asked for: leave it out",
		"Ce lien a une partie après #, qu'aucun serveur ne reçoit. Supprimez-la."),
	submission.LinkPlain: wrong("is not https: without TLS an attacker could read the entries, or change them",
		"Ce lien n'est pas en https : les écritures pourraient être lues ou modifiées en chemin. Donnez un lien en https."),
	submission.LinkExpires: wrong("the link expires (se) within 24 hours, and Loop may fetch the file as late as that: "+
		"give one that lives longer",
		"Ce lien expire (se) dans moins de 24 heures, et Loop peut ne chercher le fichier que d'ici là. Donnez un lien qui dure plus longtemps."),
	submission.RawDossierMissing: wrong("this route is for a dossier: give its code",
		"Cette route concerne un dossier. Donnez son code."),
	submission.RawDossierGiven: wrong("this route is for the practice itself: leave the dossier out",
		"Cette route concerne le cabinet lui-même. Laissez le dossier vide."),
	submission.RawRequestID: wrong("a write needs one: give one id per business document, the same for each attempt",
		"Un envoi exige un identifiant. Donnez-en un par pièce, le même à chaque essai."),
	submission.RawBodyGiven: wrong("a GET has none: leave it out",
		"Une lecture n'a pas de corps. Laissez-le vide."),
	submission.RawBodyInvalid: wrong("must be one JSON object or list, in which no object has a name twice",
		"Le corps doit être un seul objet ou une seule liste JSON, sans nom en double dans un objet. Corrigez-le."),
	submission.RawNoParameters: wrong("the operator has listed no parameters for this route",
		"L'administrateur du service n'a inscrit aucun paramètre pour cette route. Retirez celui-ci."),
	submission.RawOtherParameters: wrong("the operator has not listed this parameter for the route: use {value}",
		"L'administrateur du service n'a pas inscrit ce paramètre pour la route. Utilisez {value}."),
	submission.ExtraField: wrong("a caller may not give it: it could decide which dossier is written, and only the field dossier does",
		"Ce champ n'est pas à vous : il peut décider du dossier concerné, qui est celui de la demande. Retirez-le."),
	submission.DocumentType: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID,
		"the file is no PDF, JPEG or PNG, and Loop's robot reads nothing else",
		"Le fichier n'est ni un PDF, ni un JPEG, ni un PNG, et le robot de Loop ne lit rien d'autre. Convertissez-le."),
	submission.DocumentOtherType: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID,
		"is not the type of the file, which is {value}: say that, or leave it out",
		"Ce n'est pas le type du fichier, qui est {value}. Indiquez celui-ci, ou laissez le champ vide."),
	submission.DocumentExtension: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_DOCUMENT_TYPE_INVALID,
		"does not have the extension of the file's type: use {value}",
		"Le nom ne se termine pas comme le type du fichier. Donnez-lui l'extension {value}."),
	MaskEmpty: wrong("name the fields to change: siren, legal_form, or both",
		"Aucun champ à modifier n'est nommé. Nommez le SIREN, la forme juridique, ou les deux."),
	MaskOther: wrong("is given, and update_mask does not name it: name it, or leave the value out",
		"Ce champ a une valeur, mais ne figure pas parmi les champs à modifier. Ajoutez-le à la liste, ou laissez-le vide."),
	FilterNeedsKind: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED,
		"needs kind: Loop lists customers, suppliers, employees and others apart",
		"Ce filtre exige un type de tiers : Loop liste à part les clients, les fournisseurs, les salariés et les autres. Indiquez-le."),
	OrderNeedsKind: row(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED,
		"needs kind: Loop lists customers, suppliers, employees and others apart",
		"Ce tri exige un type de tiers : Loop liste à part les clients, les fournisseurs, les salariés et les autres. Indiquez-le."),
	practiceCode: row(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_DOMAIN_REQUIRED,
		"Loop wants the practice's own code for this, and the configuration does not give it; Loop was not called",
		"Loop demande ici le code du cabinet, que la configuration ne donne pas ; Loop n'a pas été appelé."),
	RawAnswer: row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_CALLER_LIMIT,
		"Loop's answer is larger than the 3 MiB that fit into one: ask for less at once, with take and skip if the route has them",
		"La réponse de Loop dépasse les 3 Mio que contient une réponse d'ici. Demandez moins à la fois, avec take et skip "+
			"si la route les accepte."),

	// What became of a write. The state adds what to do.
	uncertain: outcomeUnknown("it was sent, and its outcome is unknown: this service does not send it again by itself",
		"La demande a été envoyée à Loop, et personne ne sait ce qu'elle est devenue. Elle n'est pas renvoyée d'office."),
	ledger.CauseStopping: stopped("this server is shutting down, and has not sent it: nothing was booked. Send the same request_id again",
		"Ce serveur s'arrête et n'a pas envoyé la demande."),
	ledger.CauseFault: row(codes.Internal, looppb.ErrorReason_ERROR_REASON_INTERNAL,
		"a fault of this service, before anything was sent: nothing was booked",
		"Ce service a commis une erreur avant tout envoi."),
	ledger.CauseNotNoted: row(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LEDGER_UNAVAILABLE,
		"the ledger could not record that it was about to be sent, so it was not sent: nothing was booked. Send the same request_id again",
		"L'envoi n'a pas pu être inscrit au registre ; la demande n'a donc pas été envoyée."),
	ledger.CauseNoTurn: row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_BUSY,
		"it did not get its turn in time and was not sent",
		"Trop d'appels attendent Loop pour ce cabinet, et le vôtre n'a pas été envoyé."),
	ledger.CauseWithoutID: outcomeUnknown("Loop accepted it and gave no id, so its outcome cannot be followed",
		"Loop l'a accepté sans identifiant : personne ne peut suivre ce qu'il devient. Regardez dans Loop."),
	ledger.CauseNamesImport: outcomeUnknown("Loop refused it, but its answer names an import: look in Loop for {import}",
		"Loop l'a refusé, mais sa réponse nomme un import : cherchez {import} dans Loop."),
	ledger.CauseEndedWithErrors: row(codes.OK, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED, // which ends no call: it is shown
		"Loop ended the import with errors, which its public API does not detail: look at the import in Loop. "+
			"This does not prove that nothing was booked",
		"Loop a terminé l'import avec des erreurs, que son API publique ne détaille pas : regardez l'import dans Loop. "+
			"Cela ne prouve pas que rien n'a été comptabilisé."),
	ledger.CauseOrphanedUnsent: stopped("The server ended, or took too long, before it was sent: nothing was booked. "+
		"Send the same request_id again.",
		"Le serveur s'est arrêté, ou a trop tardé, avant l'envoi."),
	ledger.CauseOrphaned: outcomeUnknown("The server ended, or took too long, while it was being sent: whether Loop has it is unknown. "+
		"Look for it in Loop before sending it under another request_id.",
		"Le serveur s'est arrêté, ou a trop tardé, pendant l'envoi : on ignore si Loop l'a reçu. Cherchez-le dans Loop avant de l'envoyer "+
			"sous un autre identifiant."),
	ledger.CauseOverdue: outcomeUnknown("Loop accepted it, and did not say within 7 days what became of it. "+
		"Look for its document references in Loop before sending it under another request_id.",
		"Loop l'a accepté, et n'a pas dit en 7 jours ce qu'il est devenu. Cherchez ses références de pièce dans Loop avant de l'envoyer "+
			"sous un autre identifiant."),
	ledger.CauseForgotten: outcomeUnknown("This service only remembers that it was sent: whether Loop has it is unknown. "+
		"Look for it in Loop before sending it under another request_id.",
		"Ce service n'en a gardé que la trace de l'envoi : on ignore si Loop l'a reçu. Cherchez-le dans Loop avant de l'envoyer "+
			"sous un autre identifiant."),
	// Of a write these kinds say more than of a read.
	kindCause(cegidclient.KindUnavailable): row(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"Loop cannot be reached for now, and nothing was sent",
		"Loop est injoignable pour le moment, et rien ne lui a été envoyé."),
	kindCause(cegidclient.KindThrottled): row(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA,
		"Loop asks to slow down, and has not taken it",
		"Loop demande de ralentir, et n'a pas pris la demande."),
}

// Rows are those of the table, for tests.
func Rows() []apierror.Row { return slices.Collect(maps.Values(rows)) }

// More is said, or to be done, of what happened.
var (
	sendAgain = apierror.Text{English: "Send the same request_id again.", French: "Renvoyez la demande avec le même identifiant."}
	askAgain  = apierror.Text{
		English: "Repeat the call with the same request_id at any time: it sends nothing, and answers the outcome once it is known.",
		French:  "Vous pouvez refaire l'appel avec le même identifiant : rien n'est renvoyé, et il donne le résultat dès qu'il est connu.",
	}
	replayAgain = apierror.Text{
		English: "Nothing is booked by it: repeating the call only sends the changes once more.",
		French:  "Rien n'en est comptabilisé : refaire l'appel n'envoie les changements qu'une fois de plus.",
	}
	setPracticeCode = apierror.Text{
		English: "The operator sets practices[].domain to the practice's code at Loop.",
		French:  "L'administrateur du service inscrit ce code chez Loop dans la configuration, sous practices[].domain.",
	}
	others = apierror.Text{English: " {count} more are in other imports.", French: " D'autres imports en contiennent encore {count}."}
)

// words are how the table speaks of a kind of write.
type words struct {
	// it is what goes on without its caller, again what was sent twice.
	it, again apierror.Text
	// nothing says that nothing was done. The others say what to do about a refusal, and where to look for what is uncertain.
	nothing, fix, look apierror.Text
}

var kinds = map[ledger.Kind]words{
	ledger.KindEntries: {
		it: apierror.Text{English: "the import", French: "l'import"},
		again: apierror.Text{English: "the same entries were imported into this dossier", French: "Les mêmes écritures ont été " +
			"importées dans ce dossier"},
		nothing: apierror.Text{English: "Nothing was booked.", French: "Rien n'a été comptabilisé."},
		fix: apierror.Text{English: "Correct the entries and send them under the same request_id.", French: "Corrigez les écritures et " +
			"renvoyez-les sous le même identifiant."},
		look: apierror.Text{
			English: "Let ResolveImport look for it in Loop before sending the entries under another request_id.",
			French:  "Faites chercher l'import dans Loop (ResolveImport) avant d'envoyer les écritures sous un autre identifiant.",
		},
	},
	ledger.KindFile: {
		it:      apierror.Text{English: "the import", French: "l'import"},
		again:   apierror.Text{English: "the same file was imported into this dossier", French: "Le même fichier a été importé dans ce dossier"},
		nothing: apierror.Text{English: "Nothing was booked.", French: "Rien n'a été comptabilisé."},
		fix: apierror.Text{
			English: "Correct the file, deposit it, and import it under the same request_id.",
			French:  "Corrigez le fichier, déposez-le et importez-le sous le même identifiant.",
		},
		look: apierror.Text{
			English: "Let ResolveImport look for it in Loop before importing the file under another request_id.",
			French:  "Faites chercher l'import dans Loop (ResolveImport) avant d'importer le fichier sous un autre identifiant.",
		},
	},
	ledger.KindDocument: {
		it:      apierror.Text{English: "the upload", French: "l'envoi"},
		again:   apierror.Text{English: "the same document was stored in this dossier", French: "Le même document a été déposé dans ce dossier"},
		nothing: apierror.Text{English: "Nothing was stored.", French: "Rien n'a été déposé."},
		fix: apierror.Text{English: "Correct the document and send it under the same request_id.", French: "Corrigez le document et " +
			"renvoyez-le sous le même identifiant."},
		look: apierror.Text{
			English: "Look for the document in Loop before sending it under another request_id.",
			French:  "Cherchez le document dans Loop avant de l'envoyer sous un autre identifiant.",
		},
	},
	ledger.KindRaw: {
		it:      apierror.Text{English: "the call", French: "l'appel"},
		again:   apierror.Text{English: "the same call was made", French: "Le même appel a été fait"},
		nothing: apierror.Text{English: "Nothing was done.", French: "Rien n'a été fait."},
		fix: apierror.Text{English: "Correct the call and make it under the same request_id.", French: "Corrigez l'appel et refaites-le " +
			"sous le même identifiant."},
		look: apierror.Text{
			English: "Look in Loop at what it was to change before making it under another request_id.",
			French:  "Regardez dans Loop ce qu'il devait changer avant de le refaire sous un autre identifiant.",
		},
	},
}

// wordsOf are the words of a kind; of an unknown one, those of entries.
func wordsOf(kind ledger.Kind) words {
	if known, is := kinds[kind]; is {
		return known
	}
	return kinds[ledger.KindEntries]
}

// standings say why a state leaves nothing to resolve, and what to do.
var standings = map[ledger.State]apierror.Text{
	ledger.Received:   {English: "it is being sent", French: "son envoi est en cours"},
	ledger.Submitting: {English: "it is being sent", French: "son envoi est en cours"},
	ledger.Waiting:    {English: "Loop is working on it", French: "Loop le traite"},
	ledger.Running:    {English: "Loop is working on it", French: "Loop le traite"},
	ledger.Succeeded:  {English: "it is booked", French: "il est comptabilisé"},
	ledger.NotSent: {
		English: "nothing was booked: send the same request_id again",
		French:  "rien n'a été comptabilisé, renvoyez-le sous le même identifiant",
	},
	ledger.Refused: {
		English: "nothing was booked: correct it and send the same request_id again",
		French:  "rien n'a été comptabilisé, corrigez-le et renvoyez-le sous le même identifiant",
	},
}

// moved is the standing of an import that has changed while it was looked at.
var moved = apierror.Text{
	English: "it has changed in the meantime: look at it again", French: "il a changé entre-temps, regardez-le à nouveau",
}

// evidences say what a look means, and what to do. A verdict stands for itself where there is no doubt.
var evidences = map[any]apierror.Text{
	ledger.Found: {
		English: "entries with its document references are in Loop; only a person can say that nobody typed them there",
		French: "des écritures portant ses références de pièce sont dans Loop, et seule une personne peut dire que nul ne " +
			"les y a saisies à la main",
	},
	ledger.NotFound: {
		English: "Loop shows no entry with its document references",
		French:  "Loop ne montre aucune écriture portant ses références de pièce",
	},
	unproven: {
		English: "Loop shows no entry with its document references, but this service knows of nothing booked in the dossier that would prove " +
			"that the search works: look in Loop, and state NOT_BOOKED with a note",
		French: "Loop ne montre aucune écriture portant ses références de pièce, mais rien de comptabilisé dans ce dossier ne prouve que la " +
			"recherche y voit ; regardez dans Loop, et déclarez l'import non comptabilisé avec une note",
	},
	unread: {
		English: "this service has not read its file, so it knows no document reference to look for: " +
			"look in Loop for what you know to be in the file",
		French: "personne ici n'a lu son fichier, il n'y a donc pas de référence de pièce à chercher ; " +
			"cherchez dans Loop ce que vous savez y être",
	},
	ledger.ReferenceAbsent: {
		English: "it has no document reference to look for: look for its amounts and dates in Loop",
		French:  "il n'a pas de référence de pièce à chercher ; cherchez ses montants et ses dates dans Loop",
	},
	ledger.ReferenceUnsearchable: {
		English: "Loop's filter cannot name its document references, or Loop may have cut them: look for them in Loop",
		French:  "le filtre de Loop ne peut pas nommer ses références de pièce, ou Loop les a peut-être tronquées ; cherchez-les dans Loop",
	},
	ledger.TooEarly: {
		English: "Loop shows no entry with its document references yet: look again later",
		French:  "Loop ne montre encore aucune écriture portant ses références de pièce ; regardez à nouveau plus tard",
	},
	ledger.NotFailed: {
		English: "Loop shows no entry with its document references, and does not say that the import, which it accepted, has failed: " +
			"look at the import in Loop",
		French: "Loop ne montre aucune écriture portant ses références de pièce, et ne dit pas que l'import, qu'il a accepté, a échoué ; " +
			"regardez l'import dans Loop",
	},
	ledger.PartlyFound: {
		English: "Loop shows entries of some of its document references only: compare them in Loop",
		French:  "Loop ne montre des écritures que pour une partie de ses références de pièce ; comparez-les dans Loop",
	},
	ledger.NotUnique: {
		English: "Loop shows entries with its document references, which another import of the dossier has, or may have: compare them in Loop",
		French: "Loop montre des écritures portant ses références de pièce, qu'un autre import du dossier a, ou peut avoir " +
			"; comparez-les dans Loop",
	},
	ledger.Different: {
		English: "Loop shows entries with its document references, of another journal or date: compare them in Loop",
		French:  "Loop montre des écritures portant ses références de pièce, d'un autre journal ou d'une autre date ; comparez-les dans Loop",
	},
	ledger.SearchBlind: {
		English: "the search is blind: Loop does not find what it has booked in the dossier, or finds what cannot be there; " +
			"the key may have lost a right, or the filter is ignored. Look in Loop, and state NOT_BOOKED with a note",
		French: "la recherche est aveugle : Loop ne trouve pas ce qu'il a comptabilisé dans le dossier, ou trouve ce qui ne peut y être ; " +
			"regardez dans Loop, et déclarez l'import non comptabilisé avec une note",
	},
	ledger.Truncated: {
		English: "Loop shows as many entries of a document reference as it gives at most: look in Loop",
		French:  "Loop montre autant d'écritures d'une référence de pièce qu'il en donne au plus ; regardez dans Loop",
	},
}

// Looks of which verdict and doubt do not say all.
const (
	unproven Case = "not found, and nothing proves that the search works"
	unread   Case = "a file that this service has not read"
)

// glimpses say why a look into Loop does not let entries be sent that are in an import which failed, or whose outcome is
// unknown.
var glimpses = map[any]apierror.Text{
	ledger.Found: {
		English: "Loop shows entries of its document reference",
		French:  "Loop montre des écritures de sa référence de pièce",
	},
	ledger.Inconclusive: {
		English: "More imports with its entries failed than Loop is asked about at once",
		French:  "Plus d'imports de ces écritures ont échoué qu'on n'en demande à Loop à la fois",
	},
	ledger.ReferenceAbsent: {
		English: "It has no document reference to look for in Loop",
		French:  "Elle n'a pas de référence de pièce à chercher dans Loop",
	},
	ledger.ReferenceUnsearchable: {
		English: "Its document reference cannot be looked for in Loop as that import has it",
		French:  "Sa référence de pièce ne peut pas être cherchée dans Loop telle que cet import la porte",
	},
	ledger.TooEarly: {
		English: "It is too early for its absence from Loop to mean anything",
		French:  "Il est trop tôt pour que son absence de Loop signifie quelque chose",
	},
	ledger.NotFailed: {
		English: "Loop accepted that import, and does not say that it failed",
		French:  "Loop a accepté cet import, et ne dit pas qu'il a échoué",
	},
	ledger.SearchBlind: {
		English: "The search in Loop is blind: it does not find what is booked, or finds what cannot be there",
		French:  "La recherche dans Loop est aveugle : elle ne trouve pas ce qui est comptabilisé, ou trouve ce qui ne peut y être",
	},
	ledger.NotFound: {
		English: "Loop shows no entry of it, but nothing that is known to be booked there proves that the search works",
		French:  "Loop n'en montre aucune écriture, mais rien de comptabilisé n'y prouve que la recherche voit",
	},
}

// Parts of entrySeen.
var (
	ofAnother  = apierror.Text{English: "another caller's import", French: "un import d'une autre application"}
	ofImport   = apierror.Text{English: "the import {id}, which is {state}", French: "l'import {id}, à l'état « {state} »"}
	theLine    = apierror.Text{English: "line {number}", French: "La ligne {number}"}
	theEntry   = apierror.Text{English: "entries[{number}]", French: "L'écriture entries[{number}]"}
	repeatIt   = apierror.Text{English: "name that import in repeat_of", French: "nommez cet import comme celui qu'elle répète"}
	allowTwice = apierror.Text{English: "set allow_duplicate", French: "autorisez le doublon"}
)

// Parts of fileInvalid, and of what is near to a value.
var (
	oneError   = apierror.Text{English: "an error", French: "une erreur"}
	manyErrors = apierror.Text{English: "{count} errors", French: "{count} erreurs"}
	anywhere   = apierror.Text{English: "file", French: "Fichier"}
	atLine     = apierror.Text{English: "line {line}", French: "Ligne {line}"}
	atColumn   = apierror.Text{English: "line {line}, column {column}", French: "Ligne {line}, colonne {column}"}
	alike      = apierror.Text{English: " Near to it: {values}.", French: " Proche : {values}."}
)

// outcomes are what persons state.
var outcomes = map[bool]apierror.Text{
	true:  {English: "BOOKED", French: "comptabilisé"},
	false: {English: "NOT_BOOKED", French: "non comptabilisé"},
}
