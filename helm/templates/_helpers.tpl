{{- define "tollhouse.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "tollhouse.selector" -}}
app.kubernetes.io/name: tollhouse
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "tollhouse.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: tollhouse
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "tollhouse.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A duration as settings write it, in milliseconds. */}}
{{- define "tollhouse.milliseconds" -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- mulf (trimSuffix $unit . | float64) (get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) $unit) | int64 -}}
{{- end -}}

{{/* The secrets that this release needs, by the names of `secrets.keys`, and the variable that names the file of each. */}}
{{- define "tollhouse.needed" -}}
{{- $needed := dict "pepper" "TOLLHOUSE_PEPPER_FILE" "adminKey" "TOLLHOUSE_ADMIN_KEY_FILE" -}}
{{- if not .Values.embeddedStore.enabled -}}
{{- $_ := set $needed "redisUrl" "TOLLHOUSE_REDIS_URL_FILE" -}}
{{- $_ := set $needed "databaseUrl" "TOLLHOUSE_DATABASE_URL_FILE" -}}
{{- end -}}
{{- if not .Values.sandbox -}}
{{- $_ := set $needed "upstreamKey" "PIXELBYTE_API_KEY_FILE" -}}
{{- if .Values.config.public_url -}}
{{- $_ := set $needed "webhookSecret" "TOLLHOUSE_UPSTREAM_WEBHOOK_SECRET_FILE" -}}
{{- end -}}
{{- end -}}
{{- toYaml $needed -}}
{{- end -}}

{{- define "tollhouse.secretName" -}}
{{- .Values.secrets.existingSecret | default (include "tollhouse.fullname" .) -}}
{{- end -}}

{{/* Whether there are policies of one's own. */}}
{{- define "tollhouse.policies" -}}
{{- if or .Values.policies.files .Values.policies.existingConfigMap -}}true{{- end -}}
{{- end -}}

{{/* The policies by path; with the price files that ship, if there are none of one's own. */}}
{{- define "tollhouse.policyFiles" -}}
{{- $files := deepCopy .Values.policies.files -}}
{{- $priced := false -}}
{{- range $path, $_ := $files -}}
{{- if hasPrefix "prices/" $path -}}{{- $priced = true -}}{{- end -}}
{{- end -}}
{{- if not $priced -}}
{{- range $path, $_ := .Files.Glob "files/prices/*.toml" -}}
{{- $_ := set $files (printf "prices/%s" (base $path)) ($.Files.Get $path) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* A volume's files from the policies: a key has no slashes, so `teams/video.toml` is the key `teams--video.toml`. */}}
{{- define "tollhouse.policyItems" -}}
{{- if .Values.policies.existingConfigMap -}}
{{- toYaml .Values.policies.items -}}
{{- else -}}
{{- range $path, $_ := include "tollhouse.policyFiles" . | fromYaml }}
- key: {{ $path | replace "/" "--" }}
  path: {{ $path }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tollhouse.policyData" -}}
{{- range $path, $text := include "tollhouse.policyFiles" . | fromYaml }}
{{ $path | replace "/" "--" }}: |
  {{- $text | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Nothing of the host's, nothing to write but what is mounted: the "restricted" pod security standard. */}}
{{- define "tollhouse.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "tollhouse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The pod of a job that runs one command and ends: with the values of `.root`, `.command`, `.secrets` (names of `secrets.keys`),
`.secretName` and `.policies` (the name of a ConfigMap). */}}
{{- define "tollhouse.jobPod" -}}
{{- $root := .root -}}
{{- $needed := include "tollhouse.needed" $root | fromYaml -}}
metadata:
  labels:
    {{- include "tollhouse.labels" $root | nindent 4 }}
    app.kubernetes.io/component: job
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "tollhouse.podSecurity" $root | nindent 4 }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: tollhouse
      image: {{ include "tollhouse.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        {{- toYaml .command | nindent 8 }}
      env:
        - name: TOLLHOUSE_DATA_DIR
          value: /tmp
        {{- if .control }}
        - name: TOLLHOUSE_CONTROL_URL
          value: http://{{ include "tollhouse.fullname" $root }}-control:{{ $root.Values.controlService.port }}
        {{- end }}
        {{- range .secrets }}
        {{- if hasKey $needed . }}
        - name: {{ get $needed . }}
          value: /run/secrets/tollhouse/{{ get $root.Values.secrets.keys . }}
        {{- end }}
        {{- end }}
        {{- if .policies }}
        - name: TOLLHOUSE_POLICIES
          value: /etc/tollhouse/policies
        {{- end }}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      securityContext:
        {{- include "tollhouse.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml $root.Values.resources | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if .secrets }}
        - name: secrets
          mountPath: /run/secrets/tollhouse
          readOnly: true
        {{- end }}
        {{- if .policies }}
        - name: policies
          mountPath: /etc/tollhouse/policies
          readOnly: true
        {{- end }}
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if .secrets }}
    - name: secrets
      secret:
        secretName: {{ .secretName }}
        defaultMode: 0440
        items:
          {{- range .secrets }}
          {{- if hasKey $needed . }}
          - key: {{ get $root.Values.secrets.keys . }}
            path: {{ get $root.Values.secrets.keys . }}
          {{- end }}
          {{- end }}
    {{- end }}
    {{- if .policies }}
    - name: policies
      configMap:
        name: {{ .policies }}
        items:
          {{- include "tollhouse.policyItems" $root | trim | nindent 10 }}
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
