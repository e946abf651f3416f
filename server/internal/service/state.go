package service

import (
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// The contract's values of what the ledger keeps. A test walks each set.
var (
	writeStates = map[ledger.State]looppb.WriteState{
		ledger.Received:   looppb.WriteState_WRITE_STATE_RECEIVED,
		ledger.Submitting: looppb.WriteState_WRITE_STATE_SUBMITTING,
		ledger.Succeeded:  looppb.WriteState_WRITE_STATE_SUCCEEDED,
		ledger.NotSent:    looppb.WriteState_WRITE_STATE_NOT_SENT,
		ledger.Refused:    looppb.WriteState_WRITE_STATE_REFUSED,
		ledger.Uncertain:  looppb.WriteState_WRITE_STATE_UNCERTAIN,
	}
	importStates = map[ledger.State]looppb.ImportState{
		ledger.Received:   looppb.ImportState_IMPORT_STATE_RECEIVED,
		ledger.Submitting: looppb.ImportState_IMPORT_STATE_SUBMITTING,
		ledger.Waiting:    looppb.ImportState_IMPORT_STATE_WAITING,
		ledger.Running:    looppb.ImportState_IMPORT_STATE_RUNNING,
		ledger.Succeeded:  looppb.ImportState_IMPORT_STATE_SUCCEEDED,
		ledger.Failed:     looppb.ImportState_IMPORT_STATE_FAILED,
		ledger.NotSent:    looppb.ImportState_IMPORT_STATE_NOT_SENT,
		ledger.Refused:    looppb.ImportState_IMPORT_STATE_REFUSED,
		ledger.Uncertain:  looppb.ImportState_IMPORT_STATE_UNCERTAIN,
	}
	verdicts = map[ledger.Verdict]looppb.ImportVerdict{
		ledger.Found:        looppb.ImportVerdict_IMPORT_VERDICT_FOUND,
		ledger.NotFound:     looppb.ImportVerdict_IMPORT_VERDICT_NOT_FOUND,
		ledger.Inconclusive: looppb.ImportVerdict_IMPORT_VERDICT_INCONCLUSIVE,
	}
	doubts = map[ledger.Doubt]looppb.ImportDoubt{
		ledger.NoDoubt:               looppb.ImportDoubt_IMPORT_DOUBT_UNSPECIFIED,
		ledger.ReferenceAbsent:       looppb.ImportDoubt_IMPORT_DOUBT_REFERENCE_ABSENT,
		ledger.ReferenceUnsearchable: looppb.ImportDoubt_IMPORT_DOUBT_REFERENCE_UNSEARCHABLE,
		ledger.TooEarly:              looppb.ImportDoubt_IMPORT_DOUBT_TOO_EARLY,
		ledger.NotFailed:             looppb.ImportDoubt_IMPORT_DOUBT_NOT_FAILED,
		ledger.PartlyFound:           looppb.ImportDoubt_IMPORT_DOUBT_PARTLY_FOUND,
		ledger.NotUnique:             looppb.ImportDoubt_IMPORT_DOUBT_NOT_UNIQUE,
		ledger.Different:             looppb.ImportDoubt_IMPORT_DOUBT_DIFFERENT,
		ledger.Truncated:             looppb.ImportDoubt_IMPORT_DOUBT_TRUNCATED,
		ledger.SearchBlind:           looppb.ImportDoubt_IMPORT_DOUBT_SEARCH_BLIND,
	}
	controls = map[ledger.Control]looppb.ImportControl{
		ledger.ControlUnknown: looppb.ImportControl_IMPORT_CONTROL_UNSPECIFIED,
		ledger.ControlFound:   looppb.ImportControl_IMPORT_CONTROL_FOUND,
		ledger.ControlMissed:  looppb.ImportControl_IMPORT_CONTROL_MISSED,
		ledger.ControlNone:    looppb.ImportControl_IMPORT_CONTROL_NONE,
	}
	formats = map[looppb.ImportFormat]submission.Format{
		looppb.ImportFormat_IMPORT_FORMAT_ENTRIES: submission.FormatEntries,
		looppb.ImportFormat_IMPORT_FORMAT_FEC:     submission.FormatFEC,
		looppb.ImportFormat_IMPORT_FORMAT_CUSTOM:  submission.FormatCustom,
		looppb.ImportFormat_IMPORT_FORMAT_TRA:     submission.FormatTRA,
	}
	encodings = map[string]looppb.TextEncoding{
		"ASCII":        looppb.TextEncoding_TEXT_ENCODING_ASCII,
		"ISO_8859_15":  looppb.TextEncoding_TEXT_ENCODING_ISO_8859_15,
		"WINDOWS_1252": looppb.TextEncoding_TEXT_ENCODING_WINDOWS_1252,
		"UTF_8":        looppb.TextEncoding_TEXT_ENCODING_UTF_8,
		"MIXED":        looppb.TextEncoding_TEXT_ENCODING_MIXED,
		"CP850":        looppb.TextEncoding_TEXT_ENCODING_CP850,
	}
)

// keyOfValue finds what has a value; the zero value for none.
func keyOfValue[K, V comparable](values map[K]V, value V) (key K) {
	for candidate, v := range values {
		if v == value {
			return candidate
		}
	}
	return key
}

// stateOf is the ledger's state of one of the contract's.
func stateOf(value looppb.ImportState) ledger.State { return keyOfValue(importStates, value) }

func formatMessage(format submission.Format) looppb.ImportFormat { return keyOfValue(formats, format) }
