/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The ICMP and ICMPv6 echo probe on the wire (RFC 792, RFC 4443 section 4.1), shared with bpf/.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     Type      |     Code      |           Checksum            |
 *   |          Identifier           |        Sequence Number        |
 *   |                             Nonce                             |
 *   |                                                               |
 *   |                      zeros up to the size                     |
 */
#ifndef ECHO_H
#define ECHO_H

#include <linux/types.h>

#define ECHO_REQUEST	8
#define ECHO_REPLY	0
#define ECHO_REQUEST_V6 128
#define ECHO_REPLY_V6	129

struct echo_probe {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u16 id_be;
	__u16 sequence_be;
	__u64 nonce; /* opaque bits, no byte order */
};

#define ECHO_HEADER_BYTES 8
#define ECHO_PAYLOAD_MIN  44   /* as a STAMP probe, so that sizes compare */
#define ECHO_PAYLOAD_MAX  9168 /* 9216 octets of jumbo frame less IPv6 and ICMPv6 headers */

_Static_assert(sizeof(struct echo_probe) == 16, "echo_probe");

#endif
