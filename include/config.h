/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: one table gives flags, environment, --help, bounds and errors. Read once into a const
 * struct, whose values are passed on; nobody else reads argv or the environment. Pure core:
 * `environment` and the texts come in as arguments, messages go out as text.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer_candidate.h"

#define CONFIG_STATIC_PEERS	128 /* --peers.static; more belong into a file */
#define CONFIG_DNS_NAMES	8   /* --peers.dns */
#define CONFIG_ZONES		64  /* --peers.zone: ranges of addresses */
#define CONFIG_LISTEN_ADDRESSES 4   /* --web.listen-address */
#define CONFIG_INTERFACES	16  /* --bpf.interfaces */
#define CONFIG_ERROR_CAPACITY	512
#define CONFIG_TEXT_CAPACITY	256

enum config_hook { CONFIG_HOOK_AUTO = 0, CONFIG_HOOK_TCX, CONFIG_HOOK_CLSACT, CONFIG_HOOK_XDP };
enum config_protocol { CONFIG_PROTOCOL_STAMP = 0, CONFIG_PROTOCOL_ICMP };
enum config_reflector { CONFIG_REFLECTOR_TRUE = 0, CONFIG_REFLECTOR_FALSE };
enum config_timestamps {
	CONFIG_TIMESTAMPS_AUTO = 0, /* BPF, and where that is refused the sockets' */
	CONFIG_TIMESTAMPS_BPF,
	CONFIG_TIMESTAMPS_SOCKET
};
enum config_seccomp { CONFIG_SECCOMP_TRUE = 0, CONFIG_SECCOMP_FALSE };
enum config_family {
	CONFIG_FAMILY_AUTO = 0,
	CONFIG_FAMILY_IPV4,
	CONFIG_FAMILY_IPV6,
	CONFIG_FAMILY_BOTH
};
enum config_log_level { CONFIG_LOG_ERROR = 0, CONFIG_LOG_WARN, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_LOGFMT = 0, CONFIG_LOG_JSON };

struct config {
	char node_name[PEER_NAME_CAPACITY]; /* empty: the host's name */
	char node_zone[CONFIG_TEXT_CAPACITY];
	const char *peers_static[CONFIG_STATIC_PEERS]; /* points into argv or the environment */
	uint32_t peers_static_count;
	char peers_file[CONFIG_TEXT_CAPACITY];	 /* empty: none */
	const char *peers_dns[CONFIG_DNS_NAMES]; /* as peers_static */
	uint32_t peers_dns_count;
	const char *peers_zones[CONFIG_ZONES]; /* as peers_static */
	uint32_t peers_zone_count;
	enum config_family peers_family;
	int64_t peers_linger_ns; /* 0: not at all */
	uint32_t peers_max;	 /* 1..DIRECTORY_MAX */
	int64_t probe_interval_ns;
	int64_t probe_timeout_ns;
	uint32_t probe_dscp;  /* 0..63 */
	uint32_t probe_size;  /* octets of UDP or ICMP payload; with STAMP 44, or 48 and more */
	uint32_t probe_flows; /* 1..KC_FLOWS_MAX */
	uint32_t probe_max;
	enum config_protocol probe_protocol;
	uint32_t stamp_port; /* 1..65535 */
	enum config_reflector reflector;
	enum config_timestamps timestamps;
	enum config_seccomp seccomp;
	uint32_t mesh_full_below;
	uint32_t mesh_degree; /* 0: reflect only */
	enum config_hook bpf_hook;
	char bpf_interfaces[CONFIG_INTERFACES][16]; /* count 0: auto */
	uint32_t bpf_interfaces_count;
	char bpf_pin_path[CONFIG_TEXT_CAPACITY]; /* empty: not pinned */
	struct config_listen {
		char text[CONFIG_TEXT_CAPACITY]; /* as given */
		char host[64];			 /* literal, empty: all, both families */
		uint16_t port;
	} web_listen[CONFIG_LISTEN_ADDRESSES];
	uint32_t web_listen_count;
	/* --metrics.per-peer=all|worst:N|none: up to twice N are listed */
	uint32_t metrics_per_peer; /* UINT32_MAX: all; 0: none */
	enum config_log_level log_level;
	enum config_log_format log_format;
	bool check_config;
	bool help;
	bool version;
};

/* argv without the program and the subcommand; environment is a NULL-terminated list of NAME=value.
 * Flags win over the environment, which wins over defaults. 0, or -EINVAL and one clear line in
 * ret_error that names the option (or variable), the offending text and what was expected; *ret is
 * then untouched. Unknown KUBE_CANARY_* variables are errors too, since they are misspelt options;
 * those that Kubernetes sets for a Service of our name are not. The commas of lists in the
 * environment become zeros, as ret->peers_static, peers_dns and peers_zones point into it. */
int config_read(int argc, char *const argv[], char *const environment[], struct config *ret,
		char ret_error[static CONFIG_ERROR_CAPACITY]);

#define CONFIG_BPF_OPTIONS_CAPACITY 64 /* holds them all */

/* Names those options that were given and hold only where programs are loaded: "--bpf.hook, …".
 * False: none. */
bool config_bpf_options(const struct config *config,
			char names[static CONFIG_BPF_OPTIONS_CAPACITY]);

#define CONFIG_HELP_COLUMN 39 /* where its explanations begin */

/* Writes one line of --help (an option with its default and bounds, and its variable) per call,
 * from row 0 on, without its newline; false after the last. */
bool config_help_line(size_t row, char *buffer, size_t capacity);

/* "250ms", "1s", "1m30s", "50us" to nanoseconds. 0 or -EINVAL. */
int config_parse_duration(const char *text, int64_t *ret_ns);

#endif
