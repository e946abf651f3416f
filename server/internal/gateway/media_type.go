package gateway

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// jsonTypes are those of the body of every operation but the uploads.
var jsonTypes = []string{"application/json"}

// unsaid are the media types that tools put on a body whose type was not given: curl -d the first, others the second.
var unsaid = []string{"application/x-www-form-urlencoded", "application/octet-stream"}

// mediaTypes are those that the body of a request may have; none where no body is read.
func (r *route) mediaTypes() []string {
	switch {
	case r.upload != nil:
		return r.upload.mediaTypes
	case r.hasBody:
		return jsonTypes
	}
	return nil
}

// checkMediaType refuses a body of a coding or a type that its operation does not take (RFC 9110 § 15.5.16), and says which
// ones it does.
//
// A page elsewhere can make a browser send a form, and with it the certificate of its reader, without asking here first. So
// where the certificate is the credential, a form's type does not pass for one that was not said.
func (a *api) checkMediaType(w http.ResponseWriter, r *http.Request, found *route) error {
	takes := found.mediaTypes()
	if len(takes) == 0 {
		return nil
	}
	if codings := codings(r.Header); len(codings) > 0 {
		w.Header().Set("Accept-Encoding", "identity")
		return errMediaType("Content-Encoding", "is not understood: send the body as it is")
	}
	said := r.Header.Values("Content-Type")
	if r.ContentLength == 0 || len(said) == 0 || len(said) == 1 && said[0] == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(said[0])
	if err == nil && len(said) == 1 {
		switch {
		case slices.Contains(takes, media) && (found.upload != nil || utf8Charset(parameters["charset"])):
			return nil
		case slices.Contains(unsaid, media) && !a.byCertificate(r):
			return nil
		}
	}
	w.Header().Set("Accept", strings.Join(takes, ", "))
	hint := "is not what this operation takes: send " + strings.Join(takes, ", ")
	switch {
	case found.upload == nil:
		hint += ", in UTF-8"
	case strings.HasPrefix(media, "multipart/"):
		hint = "is a form's: send the file alone as the body, as curl -T FILE -X POST does"
	}
	return errMediaType("Content-Type", hint)
}

func errMediaType(header, description string) error {
	const reason = looppb.ErrorReason_ERROR_REASON_MEDIA_TYPE_UNSUPPORTED
	return apierror.Invalid(reason, apierror.Violation{Field: header, Description: description})
}

// codings are those of a body, besides none.
func codings(header http.Header) (out []string) {
	for _, value := range header.Values("Content-Encoding") {
		if value != "" && !strings.EqualFold(value, "identity") {
			out = append(out, value)
		}
	}
	return out
}

func utf8Charset(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

// byCertificate tells whether the client's certificate is the credential of a request.
func (a *api) byCertificate(r *http.Request) bool {
	return len(r.Header.Values("Authorization")) == 0 && len(a.identity(r.Context(), r)) > 0
}
