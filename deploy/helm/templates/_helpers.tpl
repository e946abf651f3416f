{{- define "name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{- define "image" -}}
{{- $i := .Values.image -}}
{{ $i.repository }}{{ if $i.digest }}@{{ $i.digest }}{{ else }}:{{ $i.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "postgres" }}{{ if .Values.ledger.postgres.secret }}true{{ end }}{{ end }}

{{/* A volume of the server's own: the ledger in a file with its audit, or the audit of one of several servers. */}}
{{- define "stateful" }}{{ if and (include "postgres" .) .Values.audit.volume }}true{{ end }}{{ end }}

{{/* The claim of the ledger in a file. */}}
{{- define "claim" }}{{ .Values.ledger.sqlite.claim | default (printf "%s-ledger" (include "name" .)) }}{{ end }}

{{- define "podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  # At each mount, an fsGroup would let its group read the ledger, which its server then refuses.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
automountServiceAccountToken: false
enableServiceLinks: false
{{- end }}

{{- define "containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* gateway.yaml: what is configured, and what the chart decides. */}}
{{- define "gateway" -}}
{{- $c := deepCopy .Values.configuration -}}
{{- $listen := dict "grpc" ":9090" "http" ":8080" "operations" (ternary ":9091" "127.0.0.1:9091" (eq (include "operations" .) "true")) -}}
{{- $_ := set $c "listen" (merge $listen (get $c "listen" | default dict)) -}}
{{- $t := .Values.tls -}}
{{- if $t.plaintext -}}
{{- $_ := set $c "tls" "off" -}}
{{- else -}}
{{- $tls := dict "certificate" "/tls/tls.crt" "key" "/tls/tls.key" "minimum" (toString $t.minimum) -}}
{{- if $t.clientAuthorities.key -}}{{- $_ := set $tls "client_authorities" (printf "/client-authorities/%s" $t.clientAuthorities.key) -}}{{- end -}}
{{- $_ := set $c "tls" $tls -}}
{{- end -}}
{{- $_ := set $c "policy" "policy.yaml" -}}
{{- if include "postgres" . -}}
{{- $_ := set $c "ledger" (dict "postgres" (include "dsn" .)) -}}
{{- $_ := set $c "audit" (ternary (dict "file" "/data/audit.log") (dict "stream" "stdout") (eq (include "stateful" .) "true")) -}}
{{- else -}}
{{- $_ := set $c "ledger" "/data/ledger.db" -}}
{{- $_ := set $c "audit" (dict "file" "/data/audit.log") -}}
{{- end -}}
{{- $_ := set $c "replicas" (int .Values.replicas) -}}
{{- $_ := set $c "spool" "/spool" -}}
{{- toYaml $c -}}
{{- end }}

{{/* What a server takes up only when it starts. */}}
{{- define "restarting" -}}
{{- $g := include "gateway" . | fromYaml -}}
{{- omit $g "practices" "loop" "retention" "caller_limits" "replicas" "log" | merge (dict "log" (dig "log" "dossiers" false $g)) | toJson -}}
{{- end }}

{{- define "dsn" }}{{ printf "${file:/secrets/%s/%s}" .Values.ledger.postgres.secret .Values.ledger.postgres.key }}{{ end }}

{{/* Probes ask where health is answered: with TLS if that is ours, or, where it is not public, on the listener of operations. */}}
{{- define "healthClosed" }}{{ if eq (toString (dig "public" "health" true .Values.configuration)) "false" }}true{{ end }}{{ end }}
{{- define "operations" }}{{ if or .Values.metrics.enabled (include "healthClosed" .) }}true{{ end }}{{ end }}
{{- define "probed" -}}
{{- if include "healthClosed" . }}, port: operations, scheme: HTTP{{ else }}, port: http, scheme: {{ ternary "HTTP" "HTTPS" .Values.tls.plaintext }}{{ end -}}
{{- end }}

{{/* All Secrets that are files below /secrets. */}}
{{- define "secretMounts" -}}
{{- $all := .Values.secrets -}}
{{- if include "postgres" . }}{{ $all = append $all .Values.ledger.postgres.secret | uniq }}{{ end -}}
{{- range $i, $name := $all }}
- {name: secret-{{ $i }}, mountPath: /secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- define "secretVolumes" -}}
{{- $all := .Values.secrets -}}
{{- if include "postgres" . }}{{ $all = append $all .Values.ledger.postgres.secret | uniq }}{{ end -}}
{{- range $i, $name := $all }}
- name: secret-{{ $i }}
  secret: {secretName: {{ $name }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "refuse" -}}
{{- if and (include "postgres" .) (lt (int .Values.replicas) 2) }}{{ fail "replicas: a ledger on PostgreSQL is for two servers or more; one server has ledger.sqlite" }}{{ end }}
{{- if and (not (include "postgres" .)) (ne (int .Values.replicas) 1) }}{{ fail "replicas: a ledger in a file (ledger.sqlite) is for one server; several need ledger.postgres" }}{{ end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) }}{{ fail "metrics.serviceMonitor.enabled needs metrics.enabled" }}{{ end }}
{{- if and .Values.metrics.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) }}{{ fail "metrics.enabled needs networkPolicy.metricsFrom: who may scrape, since the listener of operations asks for no credential" }}{{ end }}
{{- if and .Values.ledger.init (not .Release.IsInstall) }}{{ fail "ledger.init is for the first install: take it out" }}{{ end }}
{{- end }}
