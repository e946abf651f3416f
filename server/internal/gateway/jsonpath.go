package gateway

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

var jsonPosition = regexp.MustCompile(`\(line (\d+):(\d+)\)`)

// located puts the whole path of a field in place of its name into the errors of reading a JSON body: an entry has many
// lines, and "acount" may stand in any of them.
func located(body []byte, err error) error {
	at := jsonPosition.FindStringSubmatch(err.Error())
	if at == nil {
		return err
	}
	line, _ := strconv.Atoi(at[1])
	column, _ := strconv.Atoi(at[2])
	path := pathAt(body, offsetOf(body, line, column))
	switch {
	case path == "":
		return err
	case unknownField.MatchString(err.Error()):
		return fmt.Errorf("unknown field %q", path)
	case badMaskPath.MatchString(err.Error()):
		return fmt.Errorf("invalid path %s in the mask %s", badMaskPath.FindStringSubmatch(err.Error())[1], path)
	case badJSONValue.MatchString(err.Error()):
		return fmt.Errorf("invalid value for the field %s", path)
	}
	return err
}

// offsetOf finds a position that is counted in lines and characters, both from 1.
func offsetOf(text []byte, line, column int) int {
	offset := 0
	for ; line > 1; line-- {
		end := bytes.IndexByte(text[offset:], '\n')
		if end < 0 {
			return len(text)
		}
		offset += end + 1
	}
	for ; column > 1 && offset < len(text); column-- {
		_, size := utf8.DecodeRune(text[offset:])
		offset += size
	}
	return offset
}

// pathAt is the path of the name or value at an offset, as the contract writes paths: entries[0].lines[2].account.
func pathAt(text []byte, offset int) string {
	decoder := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return ""
		}
		if int(decoder.InputOffset()) > offset {
			break
		}
	}
	var path strings.Builder
	for part := range decoder.StackPointer().Tokens() {
		if _, err := strconv.Atoi(part); err == nil {
			path.WriteString("[" + part + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(part)
	}
	if path.Len() > 200 {
		return ""
	}
	return path.String()
}
