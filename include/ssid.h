/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Which SSID (RFC 8972 section 3) each session of ours has: the one rule that both halves must
 * agree on. Sessions are numbered slot * flows + flow, and number 0 has 1 + base.
 */
#ifndef SSID_H
#define SSID_H

#include <linux/types.h>

#define KC_SSIDS 0xffff /* so many there are: 0 is none */

/* session: below KC_SSIDS. */
static inline __u16 kc_ssid(__u32 session, __u16 base)
{
	return (__u16)(1 + (base + session) % KC_SSIDS);
}

/* The session of an SSID that is not 0, perhaps beyond those that there are. */
static inline __u32 kc_ssid_session(__u16 ssid, __u16 base)
{
	int session = ssid - 1 - base;

	return (__u32)(session < 0 ? session + KC_SSIDS : session);
}

#endif
