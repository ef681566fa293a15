{{/* Names, labels, and what more than one template asks. */}}

{{- define "kube-canary.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A text as a name that Services may have too: no dots, a letter first. */}}
{{- define "kube-canary.validName" -}}
{{- $name := replace "." "-" . | trimAll "-" }}
{{- regexMatch "^[0-9]" $name | ternary "kc-" "" }}{{ $name }}
{{- end }}

{{/* At most 52 characters, so that "-" and a dashboard's name or a pod's hash still fit. */}}
{{- define "kube-canary.fullname" -}}
{{- $name := include "kube-canary.name" . }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | include "kube-canary.validName" | trunc 52 | trimAll "-" }}
{{- end }}

{{- define "kube-canary.peersName" -}}
{{ include "kube-canary.fullname" . }}-peers
{{- end }}

{{- define "kube-canary.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "kube-canary.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kube-canary.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kube-canary.selectorLabels" -}}
{{- /* toYaml: a name may be of digits only. */ -}}
app.kubernetes.io/name: {{ include "kube-canary.name" . | toYaml }}
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end }}

{{/* Labels of an object. */}}
{{- define "kube-canary.labels" -}}
{{- include "kube-canary.labelsWith" (dict "context" . "labels" dict) }}
{{- end }}

{{/* The same with more "labels": theirs go before what is common, and none before what selectors want. */}}
{{- define "kube-canary.labelsWith" -}}
{{- $context := .context }}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" $context.Chart.AppVersion
  "app.kubernetes.io/component" "exporter"
  "app.kubernetes.io/part-of" "kube-canary"
  "app.kubernetes.io/managed-by" $context.Release.Service }}
{{- $selected := include "kube-canary.selectorLabels" $context | fromYaml }}
{{- mergeOverwrite $own $context.Values.commonLabels .labels $selected | toYaml }}
{{- end }}

{{- define "kube-canary.image" -}}
{{- with .Values.image }}
{{- if .registry }}{{ trimSuffix "/" .registry }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{/*
Whether the cluster knows a kind of the Prometheus operator: "true" or "". A cluster lists kinds beside versions; who
gives --api-versions by hand may name the version only.
*/}}
{{- define "kube-canary.knows" -}}
{{- $version := "monitoring.coreos.com/v1" }}
{{- $versions := .context.Capabilities.APIVersions }}
{{- if $versions.Has (printf "%s/%s" $version .kind) }}true
{{- else if $versions.Has $version }}
{{- $kinds := false }}
{{- range list "PodMonitor" "PrometheusRule" "ServiceMonitor" "Prometheus" }}
{{- if $versions.Has (printf "%s/%s" $version .) }}{{ $kinds = true }}{{ end }}
{{- end }}
{{- if not $kinds }}true{{ end }}
{{- end }}
{{- end }}

{{/* Whether an object of a kind is wanted: "true" or "". */}}
{{- define "kube-canary.wants" -}}
{{- if eq (toString .enabled) "auto" }}{{ include "kube-canary.knows" . }}
{{- else if .enabled }}true
{{- end }}
{{- end }}

{{/* Values of an option, none, one or several, as a list of texts in JSON. */}}
{{- define "kube-canary.list" -}}
{{- $texts := list }}
{{- if not (or (kindIs "invalid" .) (eq (toString .) "")) }}
{{- range (kindIs "slice" . | ternary . (list .)) }}
{{- $texts = append $texts (toString .) }}
{{- end }}
{{- end }}
{{- toJson $texts }}
{{- end }}

{{/* DNS name of the headless Service. With a dot at its end no other domain can answer instead. */}}
{{- define "kube-canary.peersDomain" -}}
{{- include "kube-canary.peersName" . }}.{{ include "kube-canary.namespace" . }}.svc
{{- with .Values.discovery.clusterDomain }}.{{ trimSuffix "." . }}.{{ end }}
{{- end }}

{{/* A duration such as 1m30s, in microseconds. */}}
{{- define "kube-canary.microseconds" -}}
{{- $units := dict "h" 3600000000 "m" 60000000 "s" 1000000 "ms" 1000 "us" 1 "ns" 0 }}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 }}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* Ends the rendering at options that the program would end at, where the schema cannot tell. "options": all of them. */}}
{{- define "kube-canary.checkOptions" -}}
{{- $options := .options }}
{{- range list (list "probe.interval" "10ms" "1h") (list "probe.timeout" "10ms" "4s") (list "peers.linger" "0s" "24h") }}
{{- $text := get $options (index . 0) }}
{{- if $text }}
{{- $value := include "kube-canary.microseconds" $text | int64 }}
{{- if or (lt $value (include "kube-canary.microseconds" (index . 1) | int64)) (gt $value (include "kube-canary.microseconds" (index . 2) | int64)) }}
{{- fail (printf "config.\"%s\": got %s, expected %s to %s" (index . 0) $text (index . 1) (index . 2)) }}
{{- end }}
{{- end }}
{{- end }}
{{- $most := get $options "probe.max" | default 128 | int64 }}
{{- range list "mesh.full-below" "mesh.degree" }}
{{- $value := get $options . | default 0 | int64 }}
{{- if gt $value $most }}
{{- fail (printf "config.\"%s\": got %d, expected at most %d, which is probe.max" . $value $most) }}
{{- end }}
{{- end }}
{{- if eq (get $options "timestamps") "socket" }}
{{- range list "bpf.hook" "bpf.interfaces" "bpf.pin-path" }}
{{- if not (has (get $options .) (list "" "auto")) }}
{{- fail (printf "config.\"%s\": cannot be set with timestamps: socket, where no program is loaded that it could be for" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if gt (get $options "peers.dns" | include "kube-canary.list" | fromJsonArray | len) 8 }}
{{- fail "config.\"peers.dns\": expected at most 7 names, as discovery.enabled adds one" }}
{{- end }}
{{- end }}

{{/* Where the pod sees the node's folder of pins, and nothing else of /sys/fs/bpf. Not below /sys, where no runtime makes a folder. */}}
{{- define "kube-canary.pinsMount" -}}
/run/kube-canary/pins
{{- end }}

{{/* What the program is started with, as a list in YAML: options by their names, then extraArgs. */}}
{{- define "kube-canary.args" -}}
{{- $options := deepCopy (default dict .Values.config) }}
{{- if .Values.discovery.enabled }}
{{- $names := get $options "peers.dns" | include "kube-canary.list" | fromJsonArray }}
{{- $_ := set $options "peers.dns" (prepend $names (include "kube-canary.peersDomain" .)) }}
{{- end }}
{{- if .Values.peersFile }}
{{- if hasKey $options "peers.file" }}
{{- fail "peersFile and config.\"peers.file\" cannot both be set: they are one file" }}
{{- end }}
{{- $_ := set $options "peers.file" "/etc/kube-canary/peers/peers" }}
{{- end }}
{{- include "kube-canary.checkOptions" (dict "options" $options) }}
{{- if get $options "bpf.pin-path" }}
{{- $_ := set $options "bpf.pin-path" (include "kube-canary.pinsMount" .) }}
{{- end }}
{{- $arguments := list }}
{{- range $name, $value := $options }}
{{- range include "kube-canary.list" $value | fromJsonArray }}
{{- $arguments = append $arguments (printf "--%s=%s" $name .) }}
{{- end }}
{{- end }}
{{- concat $arguments .Values.extraArgs | toYaml }}
{{- end }}

{{/* The first address that the program listens on, as [ADDRESS]:PORT. */}}
{{- define "kube-canary.listenAddress" -}}
{{- get (default dict .Values.config) "web.listen-address" | include "kube-canary.list" | fromJsonArray | first | default ":10862" }}
{{- end }}

{{- define "kube-canary.metricsPort" -}}
{{- include "kube-canary.listenAddress" . | regexFind "[0-9]+$" }}
{{- end }}

{{- define "kube-canary.stampPort" -}}
{{- if hasKey (default dict .Values.config) "stamp.port" }}{{ get (default dict .Values.config) "stamp.port" | int64 }}{{ else }}862{{ end }}
{{- end }}

{{/* Of a probe (by "probe") of the kubelet, for "path": what is missing filled in. With loopback only it must be asked there. */}}
{{- define "kube-canary.httpProbe" -}}
{{- $get := dict "path" .path "port" "metrics" }}
{{- $address := include "kube-canary.listenAddress" .context | regexFind "^.*:" | trimSuffix ":" }}
{{- if or (hasPrefix "127." $address) (eq $address "[::1]") }}
{{- $_ := set $get "host" (trimAll "[]" $address) }}
{{- end }}
{{- mergeOverwrite (dict "httpGet" $get) (deepCopy (default dict .probe)) | toYaml }}
{{- end }}

{{/* What the container gets with securityContext.profile=capabilities. */}}
{{- define "kube-canary.capabilities" -}}
- BPF
- NET_ADMIN
{{- if and (ne (toString (get (default dict .Values.config) "timestamps")) "bpf") (lt (include "kube-canary.stampPort" . | int) 1024) }}
- NET_BIND_SERVICE
{{- end }}
- NET_RAW
{{- if or .Values.securityContext.perfmon (eq (toString (get (default dict .Values.config) "bpf.hook")) "xdp") }}
- PERFMON
{{- end }}
- SETGID
- SETUID
{{- end }}

{{- define "kube-canary.containerSecurityContext" -}}
{{- $security := .Values.securityContext -}}
readOnlyRootFilesystem: true
runAsUser: 0
runAsGroup: 0
runAsNonRoot: false
{{- if eq $security.profile "privileged" }}
privileged: true
{{- else }}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
  add:
    {{- include "kube-canary.capabilities" . | nindent 4 }}
{{- with $security.seccompProfile }}
seccompProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $security.appArmorProfile }}
appArmorProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $security.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Rule groups of a file, or those of none: {groups: []} in JSON. A file that is no YAML ends the rendering. */}}
{{- define "kube-canary.ruleFile" -}}
{{- $path := printf "files/rules/%s.yaml" .name }}
{{- $text := .context.Files.Get $path }}
{{- $groups := list }}
{{- if $text }}
{{- $rules := fromYaml $text }}
{{- with $rules.Error }}{{ fail (printf "%s: %s" $path .) }}{{ end }}
{{- $groups = $rules.groups }}
{{- end }}
{{- toJson (dict "groups" $groups) }}
{{- end }}

{{/* All rule groups as the values ask, {groups: […]} in JSON: without disabled alerts and empty groups, labels added to alerts. */}}
{{- define "kube-canary.ruleGroups" -}}
{{- $values := .Values.prometheusRule }}
{{- $recording := printf "recording.%s" (.Values.nativeHistograms | ternary "native" "classic") }}
{{- $groups := list }}
{{- $alerts := list }}
{{- range list $recording "alerts" }}
{{- range (include "kube-canary.ruleFile" (dict "name" . "context" $) | fromJson).groups }}
{{- $rules := list }}
{{- range .rules }}
{{- with .alert }}{{ $alerts = append $alerts . }}{{ end }}
{{- if not .alert }}
{{- $rules = append $rules . }}
{{- else if not (has .alert $values.disabled) }}
{{- if $values.additionalRuleLabels }}
{{- $_ := set . "labels" (mergeOverwrite (dict) (default (dict) .labels) $values.additionalRuleLabels) }}
{{- end }}
{{- $rules = append $rules . }}
{{- end }}
{{- end }}
{{- if $rules }}
{{- $groups = append $groups (set . "rules" $rules) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $values.disabled }}
{{- if not (has . $alerts) }}
{{- fail (printf "prometheusRule.disabled: there is no alert %s; there are %s" . (join ", " $alerts)) }}
{{- end }}
{{- end }}
{{- toJson (dict "groups" (concat $groups $values.additionalGroups)) }}
{{- end }}
