package cegidclient

import "testing"

func TestASectionsAxisIsReadInBothForms(t *testing.T) {
	for name, description := range map[string]string{"a text": `"CENTRE"`, "a list": `["CENTRE"]`} {
		t.Run(name, func(t *testing.T) {
			object := `{"objectId":"1c2d","revisionId":"0x0000000000041C07","description":"ATELIER NORD","code":"SECA@AXE","ferme":false,"axe":{"objectId":"9a8b","description":` + description + `}}`
			c, _ := testClient(t, reply(200, "["+object+"]"))
			page, err := c.Sections.List(t.Context(), "D", ListOptions{Take: 1})
			if err != nil {
				t.Fatal(err)
			}
			s := page.Items[0]
			if *s.Code != "SECA@AXE" || *s.Label != "ATELIER NORD" || *s.Closed || s.Axis.ObjectID != "9a8b" || s.Axis.Description != "CENTRE" || s.Unmapped != nil {
				t.Errorf("%+v", s)
			}
			if got := string(c.Sections.AppendJSON(nil, &s)); got != object {
				t.Error(got)
			}
		})
	}
	s, err := decodeOne[Section](t, `{"code":"A","axe":{"objectId":null,"description":[""]}}`)
	if err != nil || !s.Axis.IsNone() || s.Unmapped != nil {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = decodeOne[Section](t, `{"code":"A","axe":{"objectId":"x","code":"CENTRE","description":"c"}}`)
	if err != nil || s.Axis.ObjectID != "x" || s.Unmapped["axe"] == "" {
		t.Errorf("%+v, %v", s, err)
	}
}
