/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * STAMP test packets on the wire, unauthenticated mode (RFC 8762 sections 4.2 and 4.3, with the
 * session identifier and the TLVs of RFC 8972), and the TLV of our own. Shared with bpf/. Layouts
 * only: every field is in network order, every offset asserted.
 */
#ifndef STAMP_H
#define STAMP_H

#include <linux/types.h>
#include <stddef.h>

#define STAMP_PORT  862 /* IANA: twamp-test, RFC 8762 section 4.1 */
#define STAMP_BYTES 44	/* of either packet without TLVs */

/* Of UDP payload: 9216 octets of jumbo frame less IPv6 and UDP headers. */
#define STAMP_BYTES_MAX 9168

/*
 * Session-Sender test packet, RFC 8972 figure 1.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                        Sequence Number                        |
 *   |                          Timestamp                            |
 *   |                                                               |
 *   |         Error Estimate        |             SSID              |
 *   |                                                               |
 *   |                       MBZ  (28 octets)                        |
 *   |                                                               |
 *   ~                            TLVs                               ~
 */
struct stamp_request {
	__be32 sequence_be;
	__u8 timestamp[8]; /* T1, the nonce: its low STAMP_NONCE_BITS are random */
	__be16 error_estimate_be;
	__be16 ssid_be;
	__u8 mbz[28];
};

/*
 * Session-Reflector test packet, RFC 8972 figure 3.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                        Sequence Number                        |
 *   |                          Timestamp                            |
 *   |                                                               |
 *   |         Error Estimate        |             SSID              |
 *   |                       Receive Timestamp                       |
 *   |                                                               |
 *   |                Session-Sender Sequence Number                 |
 *   |                  Session-Sender Timestamp                     |
 *   |                                                               |
 *   | Session-Sender Error Estimate |             MBZ               |
 *   |Ses-Sender TTL |                   MBZ                         |
 *   ~                            TLVs                               ~
 */
struct stamp_reply {
	__be32 sequence_be;	  /* of the reflector: its own count of the session, if stateful */
	__u8 timestamp[8];	  /* T3 */
	__be16 error_estimate_be; /* its Z tells the format of T2 and T3 */
	__be16 ssid_be;
	__u8 receive_timestamp[8]; /* T2 */
	__be32 sender_sequence_be;
	__u8 sender_timestamp[8]; /* verbatim */
	__be16 sender_error_estimate_be;
	__u8 mbz[2];
	__u8 sender_ttl; /* as the reflector received it */
	__u8 mbz_too[3];
};

/* Error Estimate, RFC 4656 section 4.1.2 and RFC 8186 section 2.3: |S|Z| Scale 6 | Multiplier 8|;
 * the error is Multiplier * 2^(Scale - 32) seconds, and a multiplier of 0 is not allowed. */
#define STAMP_SYNCHRONIZED 0x8000 /* S: to UTC, by an external source */
#define STAMP_PTP	   0x4000 /* Z: PTPv2 truncated (seconds, nanoseconds); else NTP */
#define STAMP_SCALE_SHIFT  8
#define STAMP_SCALE_MASK   0x3f

/* NTP: seconds since 1900, and 2^-32 of a second. */
#define STAMP_NTP_UNIX_SECONDS 2208988800ULL
/* 2^16 of 2^-32 s are 15 us: about what lies between reading the clock and the wire anyway. */
#define STAMP_NONCE_BITS 16

/*
 * TLV, RFC 8972 section 4.
 *
 *   |STAMP TLV Flags|     Type      |            Length             |
 *   ~                            Value                              ~
 */
struct stamp_tlv {
	__u8 flags;
	__u8 type;
	__be16 length_be; /* of the value */
};

#define STAMP_TLV_UNRECOGNIZED 0x80 /* U: the sender sets it, who understands clears it */
#define STAMP_TLV_MALFORMED    0x40 /* M */
#define STAMP_TLV_INTEGRITY    0x20 /* I: its HMAC does not hold */

#define STAMP_TLV_EXTRA_PADDING 1
#define STAMP_TLV_IDENTITY	245 /* 240 to 251 are for experiments */

/* Names are those of Kubernetes: of nodes at most 253 octets, of zones (label values) 63. */
#define STAMP_NAME_MAX 253
#define STAMP_ZONE_MAX 63

/* Value of the identity TLV: zeros in the request, filled in by the reflector. Of fixed size, so
 * that no reply is larger than its request. */
struct stamp_identity {
	__u8 version;	   /* STAMP_IDENTITY_VERSION */
	__u8 capabilities; /* STAMP_CAPABILITY_*; others are 0 and to be ignored */
	__u8 name_length;
	__u8 zone_length;
	char name[STAMP_NAME_MAX]; /* zeros beyond the length */
	char zone[STAMP_ZONE_MAX];
};

#define STAMP_IDENTITY_VERSION 1
/* The reflector's sequence counts the packets of the session that it answered; on every
 * discontinuity, such as a refusal by rate, the count starts anew. */
#define STAMP_CAPABILITY_STATEFUL 0x01

_Static_assert(sizeof(struct stamp_request) == STAMP_BYTES, "stamp_request");
_Static_assert(offsetof(struct stamp_request, sequence_be) == 0, "sequence");
_Static_assert(offsetof(struct stamp_request, timestamp) == 4, "timestamp");
_Static_assert(offsetof(struct stamp_request, error_estimate_be) == 12, "error estimate");
_Static_assert(offsetof(struct stamp_request, ssid_be) == 14, "SSID");
_Static_assert(offsetof(struct stamp_request, mbz) == 16, "MBZ");
_Static_assert(sizeof(struct stamp_reply) == STAMP_BYTES, "stamp_reply");
_Static_assert(offsetof(struct stamp_reply, sequence_be) == 0, "sequence");
_Static_assert(offsetof(struct stamp_reply, timestamp) == 4, "timestamp");
_Static_assert(offsetof(struct stamp_reply, error_estimate_be) == 12, "error estimate");
_Static_assert(offsetof(struct stamp_reply, ssid_be) == 14, "SSID");
_Static_assert(offsetof(struct stamp_reply, receive_timestamp) == 16, "receive timestamp");
_Static_assert(offsetof(struct stamp_reply, sender_sequence_be) == 24, "sender sequence");
_Static_assert(offsetof(struct stamp_reply, sender_timestamp) == 28, "sender timestamp");
_Static_assert(offsetof(struct stamp_reply, sender_error_estimate_be) == 36, "sender's estimate");
_Static_assert(offsetof(struct stamp_reply, mbz) == 38, "MBZ");
_Static_assert(offsetof(struct stamp_reply, sender_ttl) == 40, "sender TTL");
_Static_assert(offsetof(struct stamp_reply, mbz_too) == 41, "MBZ");
_Static_assert(sizeof(struct stamp_tlv) == 4, "stamp_tlv");
_Static_assert(sizeof(struct stamp_identity) == 320, "stamp_identity");
_Static_assert(offsetof(struct stamp_identity, name) == 4, "name");
_Static_assert(offsetof(struct stamp_identity, zone) == 257, "zone");

#endif
