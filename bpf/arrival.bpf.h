/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When a packet arrived, by the kernel's own stamp where it made one: in netif_rx (veth), before
 * the packet waits for a softirq, or once a driver's poll hands it on (NAPI), before others' work
 * on it. Only while some socket of the host wants stamps (an NTP client's, a capture's, ping's),
 * since it costs every packet of the host: we use it and never ask for it. Must not know messages,
 * nor maps but for the constants.
 */
#ifndef ARRIVAL_BPF_H
#define ARRIVAL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "timestamp.bpf.h"

/* More than a packet waits for its softirq on a host that is alive, and less than what most steps
 * of a clock between stamp and program would make of it. */
#define ARRIVAL_AGE_MAX_NS 10000000ULL

/* now_ns, or earlier: never a time to come. The stamp is of the wall clock, of which a program can
 * read no more than TAI, which is ahead by whole seconds. The kernel shows none here that is a time
 * of departure instead. */
static __always_inline __u64 arrival_ns(const struct packet *packet, __u64 now_ns)
{
	__u64 stamp_ns, tai_ns, age_ns, at_ns;

	if (packet->is_xdp || !config.tai_clock)
		return now_ns;
	stamp_ns = ((struct __sk_buff *)packet->ctx)->tstamp;
	if (stamp_ns == 0)
		return now_ns;
	tai_ns = bpf_ktime_get_tai_ns();
	if (stamp_ns > tai_ns)
		return now_ns;
	age_ns = (tai_ns - stamp_ns) % NS_PER_SECOND;
	at_ns = bpf_ktime_get_ns() - age_ns;
	return age_ns > ARRIVAL_AGE_MAX_NS || at_ns > now_ns ? now_ns : at_ns;
}

#endif
