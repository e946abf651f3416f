package service

import (
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var severities = map[check.Severity]looppb.FindingSeverity{
	check.Notice:  looppb.FindingSeverity_FINDING_SEVERITY_NOTICE,
	check.Warning: looppb.FindingSeverity_FINDING_SEVERITY_WARNING,
	check.Error:   looppb.FindingSeverity_FINDING_SEVERITY_ERROR,
}

var grounds = map[check.Ground]looppb.FindingGround{
	check.Law:     looppb.FindingGround_FINDING_GROUND_LAW,
	check.TaxTool: looppb.FindingGround_FINDING_GROUND_TAX_TOOL,
	check.Format:  looppb.FindingGround_FINDING_GROUND_FORMAT,
	check.Books:   looppb.FindingGround_FINDING_GROUND_BOOKS,
	check.Loop:    looppb.FindingGround_FINDING_GROUND_LOOP,
}

func findingMessage(f check.Finding) *looppb.Finding {
	out := &looppb.Finding{
		Code: f.Code, Severity: severities[f.Severity],
		Field: f.Field, Message: f.Message, MessageFr: f.French, Suggestions: f.Suggestions,
		Line: int32(f.Line), Column: int32(f.Column),
	}
	if f.Count > 0 { // of a file
		out.Occurrences = new(int32(f.Count))
	}
	for ground := range f.Grounds.All() {
		out.Grounds = append(out.Grounds, grounds[ground])
	}
	for _, line := range f.Lines {
		out.Lines = append(out.Lines, int32(line))
	}
	return out
}

// findingMessages are those for which an answer has room, beside so many bytes of other things, and how many it leaves out.
func findingMessages(found []check.Finding, size int) (messages []*looppb.Finding, omitted int) {
	for i, finding := range found {
		message := findingMessage(finding)
		if size += proto.Size(message); size > listing.MaxAnswer {
			return messages, len(found) - i
		}
		messages = append(messages, message)
	}
	return messages, 0
}
