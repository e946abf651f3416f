package apierror

import (
	"fmt"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// DocumentTooLarge returns the error of a document that Loop would not take, wherever it shows.
func DocumentTooLarge() error {
	return Field(looppb.ErrorReason_ERROR_REASON_DOCUMENT_TOO_LARGE, "data",
		fmt.Sprintf("the file is larger than the %d bytes that Loop takes", cegidclient.MaxDocument))
}

// FileTooLarge returns the error of a file of entries that this service does not take, wherever it shows.
func FileTooLarge(most int64) error {
	return Field(looppb.ErrorReason_ERROR_REASON_FILE_TOO_LARGE, "data",
		fmt.Sprintf("the file is larger than the %d bytes that this service takes (files.max_size): import it in parts, or from a link", most))
}
