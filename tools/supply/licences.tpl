# What the server is made of that others wrote, and under which licence. Made by tools/supply.sh; not edited.
# The texts are in the image, below /usr/share/licenses.
{{range .}}{{.Name}} {{.Version}} {{.LicenseName}}
{{end -}}
std (the Go standard library) BSD-3-Clause
