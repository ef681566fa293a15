/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Wall-clock time on the wire: NTP timestamps written, and the span between two of them, or two of
 * PTP's, read. Eras wrap. Must not know clocks, packets, maps.
 */
#ifndef TIMESTAMP_BPF_H
#define TIMESTAMP_BPF_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "stamp.h"

#define NS_PER_SECOND 1000000000ULL

/* Fields of 8 octets are aligned to 4 in a packet. */
static __always_inline __u64 timestamp_load(const __u8 octets[8])
{
	const __be32 *words = __builtin_assume_aligned(octets, 4);

	return (__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1]);
}

/* RFC 5905 section 6, from nanoseconds since 1970. */
static __always_inline __u64 ntp_from_real(__u64 real_ns)
{
	__u64 seconds = real_ns / NS_PER_SECOND + STAMP_NTP_UNIX_SECONDS;
	__u64 fraction = ((real_ns % NS_PER_SECOND) << 32) / NS_PER_SECOND;

	return seconds << 32 | fraction;
}

/* From the one to the other; negative if they are the wrong way round. */
static __always_inline __s64 ntp_span_ns(__u64 from, __u64 to)
{
	__s64 span = (__s64)(to - from);

	if (span < 0)
		return -1;
	return (__s64)(((__u64)span >> 32) * NS_PER_SECOND +
		       (((span & 0xffffffff) * NS_PER_SECOND) >> 32));
}

/* IEEE 1588 truncated (RFC 8186 section 2.2): nanoseconds where NTP has a fraction. Negative also
 * where they are none. */
static __always_inline __s64 ptp_span_ns(__u64 from, __u64 to)
{
	__s64 seconds = (__s32)((to >> 32) - (from >> 32));
	__s64 from_ns = from & 0xffffffff;
	__s64 to_ns = to & 0xffffffff;

	if (from_ns >= (__s64)NS_PER_SECOND || to_ns >= (__s64)NS_PER_SECOND)
		return -1;
	return seconds * (__s64)NS_PER_SECOND + to_ns - from_ns;
}

/* T3 - T2 of a reply, by the format that its own Z tells; negative if T3 is before T2. */
static __always_inline __s64 residence_ns(const struct stamp_reply *reply)
{
	__u64 t2 = timestamp_load(reply->receive_timestamp);
	__u64 t3 = timestamp_load(reply->timestamp);

	if (reply->error_estimate_be & bpf_htons(STAMP_PTP))
		return ptp_span_ns(t2, t3);
	return ntp_span_ns(t2, t3);
}

#endif
