{{- define "pentimento.labels" -}}
app.kubernetes.io/name: pentimento
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Called with (list $ "component"). */}}
{{- define "pentimento.selector" -}}
app.kubernetes.io/name: pentimento
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* What every process of ours is told. */}}
{{- define "pentimento.env" -}}
- name: PENTIMENTO_REDIS_URL
{{- if .Values.redis.urlSecret }}
  valueFrom:
    secretKeyRef: {name: {{ .Values.redis.urlSecret }}, key: url}
{{- else }}
  value: {{ .Values.redis.url | default (printf "redis://%s-redis:6379/0" .Release.Name) | quote }}
{{- end }}
- name: PENTIMENTO_STORE
  value: {{ .Values.store | default "/data/store" | quote }}
- name: PENTIMENTO_MODEL
  value: {{ .Values.model | quote }}
- name: PENTIMENTO_WEBHOOKS
  value: {{ .Values.api.webhooks | ternary "1" "0" | quote }}
{{- end }}

{{- define "pentimento.envFrom" -}}
{{- if .Values.storeSecret }}
envFrom:
  - secretRef: {name: {{ .Values.storeSecret }}}
{{- end }}
{{- end }}

{{/* Where the files are; a worker keeps the models that it fetches there too. */}}
{{- define "pentimento.volumes" -}}
- name: data
{{- if .Values.store }}
  emptyDir: {}
{{- else }}
  persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}
{{- end }}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "pentimento.mounts" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "pentimento.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "pentimento.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
