/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: who would stamp the packets, the programs or, where BPF is refused or not
 * wanted, the sockets; and the sockets of either, tried. Must not know how BPF was tried.
 */
#include <stdio.h>
#include <string.h>

#include "check_state.h"
#include "loader.h"
#include "prober_icmp.h"
#include "prober_stamp.h"

static struct finding *add(struct check *check, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_KERNEL, id, title);
}

/* Without them nothing is built on BPF. */
void check_icmp(struct check *check)
{
	const struct prober_icmp_settings settings = { .payload_size = check->config.probe_size };
	struct prober_icmp *icmp = NULL;
	struct finding *finding;
	int err = prober_icmp_open(&settings, &icmp);

	prober_icmp_close(icmp);
	finding = add(check, err ? FINDING_FAIL : FINDING_OK, "kernel.icmp", "ICMP sockets");
	check->trials.refusal = err;
	if (!err) {
		finding_say(finding, "opened, and closed again");
		return;
	}
	finding_say(finding, "refused: %s", strerror(-err));
	finding_advise(finding,
		       "raw sockets want CAP_NET_RAW, and a seccomp profile that lets them");
}

/* All but the user that was looked at so far is of BPF: it ends nothing, and what was not tried
 * matters to nobody. */
static void lower_findings(struct findings *findings)
{
	for (uint32_t i = 0; i < findings->count; i++) {
		enum finding_level *level = &findings->rows[i].level;

		if (strcmp(findings->rows[i].id, CHECK_ID_USER) == 0)
			continue;
		if (*level == FINDING_FAIL)
			*level = FINDING_WARN;
		else if (*level == FINDING_UNTRIED)
			*level = FINDING_NOTE;
	}
}

/* Why nothing may stand in for the programs that were refused. */
static const char *bound_to_bpf(const struct config *config)
{
	if (config->timestamps == CONFIG_TIMESTAMPS_BPF)
		return "--timestamps=bpf";
	if (config->probe_protocol == CONFIG_PROTOCOL_ICMP)
		return "--probe.protocol=icmp, which sockets do not stamp";
	if (config->bpf_pin_path[0] != '\0')
		return "--bpf.pin-path, which wants maps of BPF";
	return "an error that is no refusal";
}

static void say_tier(struct check *check)
{
	const struct config *config = &check->config;
	struct finding *finding;

	if (config->timestamps == CONFIG_TIMESTAMPS_SOCKET) {
		finding = add(check, FINDING_OK, "kernel.timestamps", "who stamps");
		finding_say(finding, "the sockets, as --timestamps=socket says: no BPF is tried");
	} else if (check->of_sockets) {
		finding = add(check, FINDING_WARN, "kernel.timestamps", "who stamps");
		finding_say(finding,
			    "the sockets: BPF is refused (%s), and --timestamps=auto "
			    "makes do",
			    strerror(-check->trials.refusal));
		finding_advise(finding,
			       "weaker: STAMP only, and requests wait for this process. Grant what "
			       "is missing above, or say --timestamps=socket");
	} else if (check->trials.refusal) {
		finding = add(check, FINDING_FAIL, "kernel.timestamps", "who stamps");
		finding_say(finding, "nobody: BPF fails (%s), and the sockets may not serve",
			    strerror(-check->trials.refusal));
		finding_advise(finding, "in their way: %s", bound_to_bpf(config));
	} else if (check->trials.load == CHECK_WORKS) {
		finding = add(check, FINDING_OK, "kernel.timestamps", "who stamps");
		finding_say(finding, "the BPF programs");
	}
}

static void check_stamps(struct check *check)
{
	struct finding *finding;
	const char *missing;
	int err = prober_stamp_try_stamps(&missing);

	if (!check->of_sockets) {
		finding = add(check, FINDING_NOTE, "kernel.stamps", "sockets' stamps");
		if (err)
			finding_say(finding,
				    "missing: %s; only where BPF is refused they would serve",
				    missing);
		else
			finding_say(finding, "delivered; not needed beside BPF");
		return;
	}
	finding = add(check, err ? FINDING_FAIL : FINDING_OK, "kernel.stamps", "sockets' stamps");
	if (!err) {
		finding_say(finding, "delivered of what leaves and of what comes, over loopback");
		return;
	}
	finding_say(finding, "missing: %s (%s)", missing, strerror(-err));
	finding_advise(finding, "nothing is measured without them: the loopback device is to be "
				"up, and the kernel to have SO_TIMESTAMPING");
}

void check_tier(struct check *check)
{
	const struct config *config = &check->config;
	bool falls_back = check->trials.refusal &&
			  loader_may_fall_back(config, check->trials.refusal) &&
			  config->probe_protocol == CONFIG_PROTOCOL_STAMP;

	check->of_sockets = config->timestamps == CONFIG_TIMESTAMPS_SOCKET || falls_back;
	if (falls_back)
		lower_findings(&check->findings);
	say_tier(check);
	check_stamps(check);
}
