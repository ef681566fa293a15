/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: the clock that stamps are read from, and whether the wall clock is
 * synchronized. Reads only.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "check_state.h"
#include "stamp.h"
#include "wall_clock.h"

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/"

/* Read through a bus, which takes a microsecond; or with the resolution of the timer tick. */
static const char *const slow[] = { "hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies" };

static struct finding *add(struct check *check, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_HOST, id, title);
}

static void check_source(struct check *check)
{
	char name[64], available[128];
	struct finding *finding;
	int err = check_read_line(CLOCK_SOURCE "current_clocksource", name, sizeof(name));

	if (err) {
		finding = add(check, FINDING_UNTRIED, "clock.source", "clock source");
		finding_say(finding, "not tried: /sys tells nothing of it (%s)", strerror(-err));
		finding_advise(finding,
			       "mount /sys, or look at it on the host: tsc or arch_sys_counter "
			       "are good");
		return;
	}
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		if (strcmp(name, slow[i]) != 0)
			continue;
		if (check_read_line(CLOCK_SOURCE "available_clocksource", available,
				    sizeof(available)))
			available[0] = '\0';
		finding = add(check, FINDING_WARN, "clock.source", "clock source");
		finding_say(finding, "%s: slow or coarse, and each stamp reads it", name);
		finding_advise(finding,
			       "find out why the kernel gave up a better one (dmesg | grep -i "
			       "clocksource); available: %s",
			       available);
		return;
	}
	finding = add(check, FINDING_OK, "clock.source", "clock source");
	finding_say(finding, "%s", name);
}

/* Round trips are taken on one clock, which need not be right. */
static void check_synchronization(struct check *check)
{
	struct wall_clock clock;
	struct finding *finding;

	wall_clock_read(&clock);
	if (ntohs(clock.error_estimate_be) & STAMP_SYNCHRONIZED) {
		finding = add(check, FINDING_OK, "clock.synchronized", "wall clock");
		finding_say(finding, "synchronized, by the kernel's word");
		return;
	}
	finding = add(check, FINDING_WARN, "clock.synchronized", "wall clock");
	finding_say(finding, "not synchronized, by the kernel's word");
	finding_advise(finding,
		       "round trips stay right, and our replies say so of their stamps; "
		       "start chrony or systemd-timesyncd so that logs and other senders' one-way "
		       "delays are right");
}

void check_clocks(struct check *check)
{
	check_source(check);
	check_synchronization(check);
}
