package loopsim

// inspectionPage shows a state. It is self-contained: it must work without network and under its own strict policy.
const inspectionPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>loopsim</title>
<style>
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1c2430; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #dde2e8; overflow-wrap: anywhere }
th { font-weight: 600; background: #f4f6f8 }
td.n { text-align: right; font-variant-numeric: tabular-nums }
code { font: 13px/1.4 ui-monospace, monospace }
.muted { color: #667 }
.wide { overflow-x: auto }
</style>
</head>
<body>
<h1>loopsim</h1>
<p class="muted">Simulated Loop API under <code>{{.BasePath}}/</code> · {{if .PageCap}}at most {{.PageCap}} rows a page{{else}}no page cap{{end}} ·
{{.Total}} requests, {{.Unknown}} of them to unknown routes · reload to refresh · the same as JSON: <a href="/_sim/state">state</a></p>

<h2>Practices and dossiers</h2>
{{range .Practices}}
<h3>{{.Name}}</h3>
<p>{{range .Keys}}{{.Kind}} key: {{if .Activated}}activated{{else}}<strong>not activated</strong>{{end}}, attached to
{{range $i, $d := .Dossiers}}{{if $i}}, {{end}}<code>{{$d}}</code>{{else}}no dossier{{end}}.<br>{{else}}No key.{{end}}</p>
<table><thead><tr><th>Dossier<th>Entity<th>Accounts<th>Journals<th>Sections<th>Third parties<th>Entries<th>Lines</tr></thead><tbody>
{{range .Dossiers}}<tr><td><code>{{.Code}}</code><td><code>{{.Entity}}</code><td class="n">{{.Accounts}}<td class="n">{{.Journals}}<td class="n">{{.Sections}}
<td class="n">{{.ThirdParties}}<td class="n">{{.Entries}}<td class="n">{{.Lines}}</tr>{{else}}<tr><td colspan="8">None</tr>{{end}}
</tbody></table>
{{else}}<p>None.</p>{{end}}

<h2>Routes</h2>
<table><thead><tr><th>Route<th>Requests<th>Most at once</tr></thead><tbody>
{{range .Routes}}<tr><td><code>{{.Method}} {{.Path}}</code><td class="n">{{.Requests}}<td class="n">{{.InFlightPeak}}</tr>{{end}}
</tbody></table>

<h2>Faults</h2>
<table><thead><tr><th>Id<th>Kind<th>Strikes<th>Seen<th>Hits<th></tr></thead><tbody>
{{range .Faults}}<tr><td>{{.ID}}<td>{{.Fault.Kind}}{{with .Fault.Status}} {{.}}{{end}}<td><code>{{or .Fault.Method "any"}} {{or .Fault.Route "any route"}}</code>
{{with .Fault.Probability}} by chance, {{.}}{{end}}{{if .Fault.After}} after processing{{end}}{{with .Fault.Practice}} practice {{.}}{{end}}{{with .Fault.Dossier}} dossier {{.}}{{end}}<td class="n">{{.Seen}}<td class="n">{{.Hits}}<td>{{if .Done}}done{{else}}active{{end}}</tr>
{{else}}<tr><td colspan="6">None</tr>{{end}}
</tbody></table>

{{with .Imports}}
<h2>Imports</h2>
<p>{{.Total}} received: {{.Booked}} booked, {{.Pending}} pending, {{.Failed}} failed, {{.Refused}} refused, {{.NotProcessed}} not processed ·
{{.Entries}} entries are booked · the newest are below, all are <a href="/_sim/imports">here</a></p>
<div class="wide"><table><thead><tr><th>#<th>Time<th>Dossier<th>Format<th>References<th>Lines<th>Outcome<th>Import<th>Fault<th>HTTP</tr></thead><tbody>
{{range .Latest}}<tr><td class="n">{{.Seq}}<td>{{.Time.Format "15:04:05.000"}}<td>{{.Practice}} <code>{{.Dossier}}</code><td>{{.Format}}
<td>{{range $i, $r := .References}}{{if lt $i 5}}<code>{{$r}}</code> {{else if eq $i 5}}…{{end}}{{end}}<td class="n">{{.Lines}}
<td>{{.Outcome}}{{with .Message}}: {{.}}{{end}}<td><code>{{.ID}}</code><td>{{.Fault}}<td class="n">{{if .Status}}{{.Status}}{{else}}–{{end}}</tr>
{{else}}<tr><td colspan="10">None</tr>{{end}}
</tbody></table></div>

<h2>Imported files</h2>
<div class="wide"><table><thead><tr><th>#<th>File<th>SHA-256<th>Bytes<th>Lines<th>Entries<th>Debit<th>Credit<th>By journal</tr></thead><tbody>
{{range .LatestFiles}}<tr><td class="n">{{.Seq}}<td>{{.Format}} {{.File.Name}}<td><code>{{.File.Digest}}</code><td class="n">{{.File.Bytes}}<td class="n">{{.File.Lines}}
{{if and (lt .File.Kept .File.Lines) (eq .Outcome "booked")}}, {{.File.Kept}} of them kept as entries: the others are checked and in the totals only{{end}}<td class="n">{{.File.Entries}}<td class="n">{{.File.Debit}}<td class="n">{{.File.Credit}}
<td><table>{{range $i, $j := .File.Journals}}{{if lt $i 50}}<tr><td>{{.Code}}<td class="n">{{.Lines}}<td class="n">{{.Debit}}<td class="n">{{.Credit}}</tr>{{else if eq $i 50}}<tr><td colspan="4">…</tr>{{end}}{{end}}</table></tr>
{{else}}<tr><td colspan="9">None</tr>{{end}}
</tbody></table></div>

<h2>Latest entries</h2>
<div class="wide"><table><thead><tr><th>#<th>Dossier<th>Journal<th>Date<th>Reference<th>Document<th>Lines</tr></thead><tbody>
{{range .LatestEntries}}<tr><td class="n">{{.Seq}}<td>{{.Practice}} <code>{{.Dossier}}</code><td>{{.Journal}}<td>{{.Date}}<td>{{.Reference}}<td>{{.RefPiece}}
<td><table>{{range $i, $l := .Lines}}{{if lt $i 20}}<tr><td>{{.Account}}<td>{{.ThirdParty}}<td>{{.Label}}<td class="n">{{.Debit}}<td class="n">{{.Credit}}</tr>{{else if eq $i 20}}<tr><td colspan="5">…</tr>{{end}}{{end}}</table></tr>
{{else}}<tr><td colspan="7">None</tr>{{end}}
</tbody></table></div>
{{end}}

{{with .Documents}}
<h2>Documents</h2>
<p>{{.Total}} received: {{.Stored}} stored, {{.Lost}} lost for want of the dossier · the newest are below, all are <a href="/_sim/documents">here</a></p>
<div class="wide"><table><thead><tr><th>#<th>Time<th>Dossier<th>File<th>Type<th>Bytes<th>Outcome<th>Id<th>Fault<th>HTTP</tr></thead><tbody>
{{range .Latest}}<tr><td class="n">{{.Seq}}<td>{{.Time.Format "15:04:05.000"}}<td>{{.Practice}} <code>{{.Dossier}}</code><td>{{.FileName}} {{.Transaction}}<td>{{.ContentType}}
<td class="n">{{.Bytes}}<td>{{.Outcome}}{{with .Message}}: {{.}}{{end}}<td><code>{{.ID}}</code><td>{{.Fault}}<td class="n">{{if .Status}}{{.Status}}{{else}}–{{end}}</tr>
{{else}}<tr><td colspan="10">None</tr>{{end}}
</tbody></table></div>
{{end}}

<h2>Latest requests</h2>
<div class="wide"><table><thead><tr><th>#<th>Time<th>Request<th>Dossier<th>Query<th>Key<th>Subscription<th>Fault<th>Status</tr></thead><tbody>
{{range .Requests}}<tr><td class="n">{{.Seq}}<td>{{.Time}}<td><code>{{.Method}} {{.Path}}</code><td>{{.Dossier}}<td><code>
{{with .Filter}}filter={{.}} {{end}}{{with .Sort}}sort={{.}} {{end}}{{with .Skip}}skip={{.}} {{end}}{{with .Take}}take={{.}} {{end}}{{with .Select}}select={{.}}{{end}}</code>
<td>{{.Practice}} {{.Key}}<td>{{.Subscription}}<td>{{.Fault}}<td class="n">{{if .Status}}{{.Status}}{{else}}–{{end}}</tr>
{{else}}<tr><td colspan="9">None</tr>{{end}}
</tbody></table></div>
</body>
</html>
`
