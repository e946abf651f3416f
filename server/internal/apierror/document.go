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
