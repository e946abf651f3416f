{{- define "pod" -}}
metadata:
  labels:
    {{- include "labels" . | nindent 4 }}
    app.kubernetes.io/component: server
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # Only what a server does not take up by itself: docs/operate/access.md, "Rotation".
    checksum/restart: {{ include "restarting" . | sha256sum }}
    kubectl.kubernetes.io/default-container: server
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  {{- include "podSecurity" . | nindent 2 }}
  serviceAccountName: {{ include "name" . }}
  {{- with include "pullSecrets" . }}{{ trim . | nindent 2 }}{{ end }}
  # The drain, then a write that is on its way to Loop: its call and its commits.
  terminationGracePeriodSeconds: 120
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints: {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- if .Values.affinity }}
    {{- toYaml .Values.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- include "selector" . | nindent 16 }}
    {{- end }}
  containers:
    - name: server
      image: {{ include "image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/loop/gateway.yaml]
      {{- include "containerSecurity" . | nindent 6 }}
      ports:
        - {name: grpc, containerPort: 9090}
        - {name: http, containerPort: 8080}
        {{- if include "operations" . }}
        - {name: operations, containerPort: 9091}
        {{- end }}
      # A restart in the middle of a submission would make it UNCERTAIN: liveness asks only whether the process answers.
      startupProbe:
        httpGet: {path: /healthz{{ include "probed" . }}}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz{{ include "probed" . }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      # Missed twice within the drain of 10 s.
      readinessProbe:
        httpGet: {path: {{ ternary "/readyz?service=writes" "/readyz" (eq .Values.probes.readiness "writes") | quote }}{{ include "probed" . }}}
        periodSeconds: 3
        timeoutSeconds: 2
        failureThreshold: 2
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        # Folders, never single files (subPath): what is replaced in them is seen without restart.
        - {name: configuration, mountPath: /etc/loop, readOnly: true}
        {{- if .Values.tls.secret }}
        - {name: tls, mountPath: /tls, readOnly: true}
        {{- end }}
        {{- if .Values.tls.clientAuthorities.key }}
        - {name: client-authorities, mountPath: /client-authorities, readOnly: true}
        {{- end }}
        {{- with include "secretMounts" . }}{{ trim . | nindent 8 }}{{ end }}
        {{- if or (include "stateful" .) (not (include "postgres" .)) }}
        - {name: data, mountPath: /data}
        {{- end }}
        - {name: spool, mountPath: /spool}
        - {name: tmp, mountPath: /tmp}
        {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: configuration
      configMap: {name: {{ include "name" . }}}
    {{- if .Values.tls.secret }}
    - name: tls
      secret: {secretName: {{ .Values.tls.secret }}, defaultMode: 0440}
    {{- end }}
    {{- with .Values.tls.clientAuthorities }}
    {{- if .configMap }}
    - name: client-authorities
      configMap: {name: {{ .configMap }}}
    {{- else if .secret }}
    - name: client-authorities
      secret: {secretName: {{ .secret }}, defaultMode: 0440}
    {{- end }}
    {{- end }}
    {{- with include "secretVolumes" . }}{{ trim . | nindent 4 }}{{ end }}
    {{- if not (include "postgres" .) }}
    - name: data
      persistentVolumeClaim: {claimName: {{ include "claim" . }}}
    {{- end }}
    - name: spool
      emptyDir: {sizeLimit: {{ .Values.spool.size }}}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- with .Values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}
