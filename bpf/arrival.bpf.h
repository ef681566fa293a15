/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When a packet arrived, by the kernel's own stamp where it made one. That is taken as the driver
 * hands the packet over, before it waits for a softirq and for others' work on it; but only while
 * some socket of the host wants stamps (an NTP client's, a capture's, ping's), since it costs every
 * packet of the host: we use it and never ask for it. Must not know messages, nor maps but for the
 * constants.
 */
#ifndef ARRIVAL_BPF_H
#define ARRIVAL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "timestamp.bpf.h"

/* More than a packet waits for its softirq on a host that is alive; and of what a step of the clock
 * between stamp and program makes of a stamp, nine tenths are beyond it. */
#define ARRIVAL_AGE_MAX_NS 100000000ULL

/* now_ns, or earlier: never a time to come. The stamp is of the wall clock, of which a program can
 * read no more than TAI, which is ahead by whole seconds. The kernel shows none here that is a time
 * of departure instead. */
static __always_inline __u64 arrival_ns(const struct packet *packet, __u64 now_ns)
{
	__u64 stamp_ns, tai_ns, age_ns, arrival;

	if (packet->is_xdp || !config.tai_clock)
		return now_ns;
	stamp_ns = ((struct __sk_buff *)packet->ctx)->tstamp;
	if (stamp_ns == 0)
		return now_ns;
	tai_ns = bpf_ktime_get_tai_ns();
	if (stamp_ns > tai_ns)
		return now_ns;
	age_ns = (tai_ns - stamp_ns) % NS_PER_SECOND;
	arrival = bpf_ktime_get_ns() - age_ns;
	return age_ns > ARRIVAL_AGE_MAX_NS || arrival > now_ns ? now_ns : arrival;
}

#endif
