package apierror

import (
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// rule is what an error of cegidclient becomes for the caller, and what to do about it.
type rule struct {
	Row
	help []Text
}

// loopRules is the table of docs/architecture.md, "Errors", as far as reads go. Every kind of cegidclient is in it or in FromLoop.
var loopRules = map[cegidclient.Kind]rule{
	cegidclient.KindRefused: {Row: NewRow(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_LOOP_REFUSED,
		"Loop read the request and refused it; its own words come with this error",
		"Loop a lu la demande et l'a refusée. Corrigez-la d'après ce qu'il en dit.")},
	cegidclient.KindCredentialRejected: {Row: NewRow(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED,
		"Loop rejects the keys of this practice; the caller's own token is fine",
		"Loop refuse les clés de ce cabinet ; votre propre accès est bon."), help: []Text{
		{
			"The operator runs CheckConnection: it tells the subscription key from the API key.",
			"L'administrateur du service lance le contrôle de la connexion, qui distingue la clé d'abonnement de la clé d'API.",
		},
		{
			"A new API key works only once the practice's administrator has activated it in LoopHub.",
			"Une nouvelle clé d'API ne fonctionne qu'une fois activée dans LoopHub par l'administrateur du cabinet.",
		},
	}},
	cegidclient.KindDossierNotShared: {Row: NewRow(codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_DOSSIER_NOT_SHARED,
		"the practice's key may not touch this dossier, or the dossier does not exist",
		"La clé du cabinet n'a pas accès à ce dossier, ou le dossier n'existe pas."), help: []Text{
		{
			"The practice's administrator opens LoopHub and attaches the dossier to the application's key.",
			"L'administrateur du cabinet rattache le dossier à la clé de l'application dans LoopHub.",
		},
		{
			"Check the dossier's code, letter by letter.",
			"Vérifiez le code du dossier, lettre par lettre.",
		},
	}},
	cegidclient.KindThrottled: {Row: NewRow(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA,
		"Loop asks to slow down: wait as long as RetryInfo says",
		"Loop demande de ralentir. Patientez avant de refaire l'appel.")},
	cegidclient.KindUnavailable: {Row: NewRow(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"Loop is down or too slow",
		"Loop est en panne ou trop lent. Refaites l'appel plus tard.")},
	cegidclient.KindBadResponse: {Row: NewRow(codes.Internal, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE,
		"Loop answered something that is not its API; tell the operator",
		"Loop a répondu autre chose que ce que prévoit son API. Signalez-le à l'administrateur du service.")},
	cegidclient.KindRouteUnknown: {Row: NewRow(codes.Internal, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE,
		"Loop's gateway does not know this route: the operator checks loop.base_url",
		"La passerelle de Loop ne connaît pas cette route. L'administrateur du service vérifie l'adresse de Loop dans la configuration.")},
	cegidclient.KindNotFound: {Row: NewRow(codes.NotFound, looppb.ErrorReason_ERROR_REASON_OBJECT_UNKNOWN,
		"Loop has no such object",
		"Loop n'a pas cet objet. Vérifiez son numéro ou son code, et le dossier.")},
	cegidclient.KindAdvancedKeyRequired: {Row: NewRow(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_ADVANCED_KEY_REQUIRED,
		"this operation needs an Advanced key (P04454) and the practice has none; Loop was not called",
		"Cette opération exige une clé Advanced (P04454), que le cabinet n'a pas ; Loop n'a pas été appelé. "+
			"Demandez cette clé à l'administrateur du cabinet.")},
	cegidclient.KindUnverified: {Row: NewRow(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_OPERATION_UNVERIFIED,
		"nobody has verified this against Loop, and the operator has not enabled it under unverified_operations; Loop was not called",
		"Personne n'a vérifié cette opération auprès de Loop, et l'administrateur du service ne l'a pas activée ; Loop n'a pas été appelé. "+
			"Demandez-lui de l'activer.")},
	cegidclient.KindOutcomeUnknown: {Row: NewRow(codes.Unknown, looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN,
		"it was sent, and its outcome is unknown",
		"La demande a été envoyée à Loop, et personne ne sait ce qu'elle est devenue. Regardez dans Loop avant de la refaire autrement.")},
	cegidclient.KindExists: {Row: NewRow(codes.AlreadyExists, looppb.ErrorReason_ERROR_REASON_OBJECT_EXISTS,
		"Loop has it already",
		"Loop l'a déjà. Utilisez l'existant, ou choisissez un autre numéro ou code.")},
	cegidclient.KindStale: {Row: NewRow(codes.Aborted, looppb.ErrorReason_ERROR_REASON_REVISION_STALE,
		"it has changed since it was read: read it again, and decide anew",
		"Ces données ont changé depuis que vous les avez lues. Relisez-les, puis décidez à nouveau.")},
	cegidclient.KindLinkRefused: {Row: NewRow(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"the storage does not take Loop's link; this service has asked for another already",
		"L'espace de stockage n'accepte pas le lien donné par Loop, et ce service en a déjà demandé un autre. Refaites l'appel plus tard.")},
	cegidclient.KindBusy: {Row: NewRow(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_BUSY,
		"Loop was not called; come back after what RetryInfo says: ",
		"Trop d'appels attendent Loop pour ce cabinet, et le vôtre n'a pas été envoyé.")},
	cegidclient.KindConfiguration: {Row: NewRow(codes.FailedPrecondition, looppb.ErrorReason_ERROR_REASON_LOOP_CREDENTIAL_REJECTED,
		"this service cannot read the keys of this practice; tell the operator. Loop was not called",
		"Ce service ne peut pas lire les clés de ce cabinet ; Loop n'a pas été appelé. Prévenez l'administrateur du service.")},
	cegidclient.KindInvalidArgument: {Row: NewRow(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FIELD_INVALID,
		"this call cannot have this value",
		"Cette valeur ne convient pas à cet appel. Corrigez-la, et refaites l'appel.")},
}

// What a kind says in a case of its own.
var (
	breakerOpen = NewRow(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE,
		"Loop has failed again and again, so it is not called for a moment",
		"Loop a échoué plusieurs fois de suite : il n'est plus appelé pour un moment. Refaites l'appel plus tard.")
	rawRouteUnknown = NewRow(codes.Internal, looppb.ErrorReason_ERROR_REASON_LOOP_BAD_RESPONSE,
		"Loop's gateway does not know this route: the operator checks how it is spelt under raw in the configuration, and loop.base_url",
		"La passerelle de Loop ne connaît pas cette route. L'administrateur du service en vérifie l'écriture et l'adresse de "+
			"Loop dans la configuration.")
	readBack = Text{
		"Repeat the call as it is: it looks first at what Loop holds by now.",
		"Refaites l'appel tel quel : il regarde d'abord ce que Loop contient.",
	}
)

// noMore are the reasons why a call that failed was not tried once more.
var noMore = map[cegidclient.StopReason]Text{
	cegidclient.StoppedByBudget: {
		", and no more, because too many calls had to be repeated lately",
		", puis plus, car trop d'appels ont dû être refaits récemment",
	},
	cegidclient.StoppedByDeadline: {
		", and no more, because the time left is too short",
		", puis plus, car il reste trop peu de temps",
	},
	cegidclient.StoppedByTurn: {
		", and no more, because another call would not have had its turn in time",
		", puis plus, car un autre appel n'aurait pas eu son tour à temps",
	},
	cegidclient.StoppedByBreaker: {
		", and no more, because it fails again and again and is not called for a moment",
		", puis plus, car il échoue plusieurs fois de suite et n'est plus appelé pour un moment",
	},
}

// LoopMetadata is what ErrorInfo says of a call of Loop's: the inventory's id of what was called, and what Loop's answer
// names.
func LoopMetadata(operation string, httpStatus int, code, requestID, instanceID string) map[string]string {
	out := map[string]string{"operation": operation, "code": code, "requestId": requestID, "instanceId": instanceID}
	if httpStatus != 0 {
		out["httpStatus"] = strconv.Itoa(httpStatus)
	}
	return out
}

// Cures are the sentences on what to do about a reason of Loop's, for an answer that is made without Loop's error at hand.
func Cures(reason looppb.ErrorReason) []Text {
	for _, rule := range loopRules {
		if rule.Reason == reason && rule.help != nil {
			return slices.Clone(rule.help)
		}
	}
	return nil
}

// tries tells how often a call that failed was tried, and why no more.
func tries(err *cegidclient.Error) Text {
	why := noMore[err.NoMore]
	switch {
	case err.Attempts == 0 && err.NoMore == "":
		return Text{}
	case err.Attempts == 1:
		return Text{"; it was asked once" + why.English, " Loop a été interrogé une fois" + why.French + "."}
	}
	count := strconv.Itoa(err.Attempts)
	return Text{"; it was asked " + count + " times" + why.English, " Loop a été interrogé " + count + " fois" + why.French + "."}
}

// FromLoop returns the error that a caller sees for one of cegidclient's, with what else helps, if anything.
func FromLoop(err *cegidclient.Error, help ...Text) error {
	if err.Kind == cegidclient.KindInterrupted {
		return FromContext(err)
	}
	out := Loop{Kind: err.Kind, Local: err.Local, Operation: err.Operation, Field: err.Field, Detail: err.Detail()}.Error()
	out.Advise(help...)
	if (err.Kind == cegidclient.KindUnavailable || err.Kind == cegidclient.KindThrottled) && !err.Local {
		out.Add(tries(err))
	}
	if err.Kind == cegidclient.KindInvalidArgument { // nothing of it is Loop's
		return out.Err()
	}
	out.Metadata = LoopMetadata(err.Operation, err.HTTPStatus, err.Code, err.RequestID, err.InstanceID)
	out.RetryAfter = err.RetryAfter
	if err.Kind != cegidclient.KindBusy { // of which Loop has said nothing
		out.LoopSaid = err.Message
	}
	return out.Err()
}

// Loop is what the sentence about an error of cegidclient's depends on.
type Loop struct {
	Kind                     cegidclient.Kind
	Local                    bool
	Operation, Field, Detail string
}

// Error has the code, the reason and the sentence, and what helps.
func (l Loop) Error() Error {
	out, help := l.told()
	out.Advise(help...)
	return out
}

// Plain has no help, which depends on what became of the call, and blames no field.
func (l Loop) Plain() Error {
	out, _ := l.told()
	for _, violation := range out.Violations {
		out.French = violation.French
	}
	out.Violations = nil
	return out
}

func (l Loop) told() (out Error, help []Text) {
	found, known := loopRules[l.Kind]
	if !known {
		found = loopRules[cegidclient.KindBadResponse]
	}
	switch {
	case l.Kind == cegidclient.KindUnavailable && l.Local:
		return breakerOpen.With(), nil
	case l.Kind == cegidclient.KindRouteUnknown && l.Operation == cegidclient.RawOperation:
		return rawRouteUnknown.With(), nil
	case l.Kind == cegidclient.KindInvalidArgument, fielded[l.Kind] && l.Field != "":
		return l.at(found.Row), nil
	}
	out, help = found.With(), found.help
	switch l.Kind {
	case cegidclient.KindBusy:
		out.Message += l.Detail
	case cegidclient.KindOutcomeUnknown:
		if op, known := cegidclient.OperationByID(l.Operation); known && op.Resend == cegidclient.ResendReadBack {
			help = []Text{readBack}
		}
	}
	return out, help
}

// fielded are the kinds whose field is the caller's, if there is one.
var fielded = map[cegidclient.Kind]bool{cegidclient.KindNotFound: true, cegidclient.KindExists: true, cegidclient.KindStale: true}

// at blames the field, in English in the client's words, which say it more closely than the row.
func (l Loop) at(row Row) Error {
	row.English = l.Detail
	out := row.At(l.Field)
	if l.Field == "" {
		out.Message = l.Detail
	}
	return out
}
