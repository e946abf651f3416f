package cegidclient

import (
	"context"
	"encoding/json"
	"strings"
)

// The fields of a staff member, for filters and orders.
const (
	StaffObjectID   Field = "objectId"
	StaffRevisionID Field = "revisionId"
	StaffIdentifier Field = "identifiant"
	StaffFirstName  Field = "prenom"
)

// StaffMember is a staff member of the practice (Loop: CollaborateurCabinet; loop-api: C 4.3). A nil field was absent,
// null or unreadable; Unmapped tells which. What follows the first name on Loop's page was not seen and is in Unmapped
// only.
type StaffMember struct {
	ObjectID *string `loop:"objectId"`
	// RevisionID is an opaque version, changed by each write.
	RevisionID *string `loop:"revisionId"`
	Identifier *string `loop:"identifiant,required"`
	FirstName  *string `loop:"prenom"`

	Unmapped Unmapped
}

// StaffService reads the staff of the practice, under [PracticeDossier], and asks what its members may touch.
type StaffService struct {
	Lister[StaffMember]
	access *plan
	check  *Operation
}

func newStaffService(c *Client) *StaffService {
	access := newLister[StaffAccess](c, "check_staff_access", "")
	return &StaffService{newLister[StaffMember](c, "list_staff", StaffIdentifier), access.plan, access.op}
}

// StaffAccessQuery asks for one staff member and one dossier. All of it is required.
type StaffAccessQuery struct {
	// Domain is Loop's code of the practice.
	Domain string
	// Dossier is the code of a dossier.
	Dossier string
	// Login is the staff member's Microsoft login.
	Login string
}

// StaffAccess is Loop's answer (loop-api: C 4.6).
type StaffAccess struct {
	Allowed *bool `loop:"accessAllowed,required"`

	Unmapped Unmapped
}

// CheckAccess asks whether a dossier is in a staff member's portfolio (Loop: POST /checkCollaborateurAccess; loop-api:
// C 4.6). One that is not is no error; a login that Loop does not know is, with the code CollaborateurBadLogin.
func (s *StaffService) CheckAccess(ctx context.Context, q StaffAccessQuery) (*StaffAccess, error) {
	call := &Call{Operation: s.check, Dossier: q.Dossier}
	for _, field := range []struct{ name, value string }{{"domain", q.Domain}, {"dossier", q.Dossier}, {"login", q.Login}} {
		if field.value == "" || field.name == "dossier" && strings.EqualFold(field.value, PracticeDossier) {
			return nil, s.c.annotate(call, invalid(field.name, "no "+field.name), nil)
		}
	}
	call.Body, _ = json.Marshal(struct { // strings always can be
		Domain  string `json:"domain"`
		Dossier string `json:"codeDossier"`
		Login   string `json:"login"`
	}{q.Domain, q.Dossier, q.Login})
	var access *StaffAccess
	call.read = func(body []byte) (err error) {
		access, err = readOne[StaffAccess](s.access, body)
		return err
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return nil, err
	}
	return access, nil
}
