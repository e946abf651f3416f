package site

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

const protosURL = "/protos/"

// protoFile is a file that the page of the protos lists.
type protoFile struct{ Name, URL string }

const (
	bundleName      = "bundle.zip"
	descriptorsName = "descriptors.binpb"
)

// addProtos adds a page for each file, one that lists them, all of them as a zip, and the descriptors.
func (s *site) addProtos(mux *http.ServeMux) error {
	if s.cfg.Protos == nil {
		return nil
	}
	var files []protoFile
	err := fs.WalkDir(s.cfg.Protos, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(s.cfg.Protos, name)
		if err != nil {
			return err
		}
		files = append(files, protoFile{name, protosURL + name})
		mux.Handle("GET "+protosURL+name, newPage(typeOf(name), content))
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b protoFile) int { return strings.Compare(a.Name, b.Name) })
	mux.Handle("GET "+protosURL+bundleName, s.once(func() (http.Handler, error) {
		packed, err := zipped(s.cfg.Protos, files)
		return newPage("application/zip", packed), err
	}))
	mux.Handle("GET "+protosURL+descriptorsName, newPage("application/octet-stream", s.cfg.Descriptors))
	mux.Handle("GET "+path.Clean(protosURL), http.RedirectHandler(protosURL, http.StatusMovedPermanently))
	mux.Handle("GET "+protosURL+"{$}", policed(pagePolicy, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.show(w, r, view{Title: "Protos", URL: protosURL, Groups: s.groups, Protos: files})
	})))
	return nil
}

// zipped packs files without their times, so that the same release packs the same bytes.
func zipped(from fs.FS, files []protoFile) ([]byte, error) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, file := range files {
		content, err := fs.ReadFile(from, file.Name)
		if err != nil {
			return nil, err
		}
		into, err := archive.CreateHeader(&zip.FileHeader{Name: file.Name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := into.Write(content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
