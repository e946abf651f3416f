package apierror

import (
	"strconv"

	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

var (
	documentTooLarge = NewRow(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_DOCUMENT_TOO_LARGE,
		"the file is larger than the {most} bytes that Loop takes",
		"Le fichier dépasse les {most} octets que Loop accepte. Réduisez-le, ou envoyez-le en plusieurs documents.")
	fileTooLarge = NewRow(codes.InvalidArgument, looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE,
		"the file is larger than the {most} bytes that this service takes (files.max_size): import it in parts, or from a link",
		"Le fichier dépasse les {most} octets que ce service accepte. Importez-le en plusieurs parties, ou depuis un lien.")
)

// DocumentTooLarge returns the error of a document that Loop would not take, wherever it shows.
func DocumentTooLarge() error {
	return documentTooLarge.At("data", Same("most", strconv.FormatInt(cegidclient.MaxDocument, 10))).Err()
}

// FileTooLarge returns the error of a file of entries that this service does not take, wherever it shows.
func FileTooLarge(most int64) error {
	return fileTooLarge.At("data", Same("most", strconv.FormatInt(most, 10))).Err()
}
