/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Session-Reflector (RFC 8762 section 4.3): which requests are answered. We stand before the
 * host's firewall, so every guard is here, from the cheapest to the dearest, and counts what it
 * refuses; that goes on its way untouched. Must not know how a reply is written.
 */
#ifndef REFLECTOR_BPF_H
#define REFLECTOR_BPF_H

#include <linux/errno.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "addresses.bpf.h"
#include "answer.bpf.h"
#include "maps.bpf.h"
#include "message.bpf.h"
#include "sessions.bpf.h"

#define TUPLE_IPV4_BYTES sizeof(((struct bpf_sock_tuple *)NULL)->ipv4)
#define TUPLE_IPV6_BYTES sizeof(((struct bpf_sock_tuple *)NULL)->ipv6)

#define MAC_GROUP_BE bpf_htons(0x0100) /* IEEE 802: the lowest bit of the first octet */
#define VLAN_ID_MASK 0x0fff
/* How far from now a time is taken for one of ours: more than any loop's turn, and what a request
 * has there by chance is 1 in 2^24. */
#define LOOP_SECONDS 64

/* The part of a packet where a request has zeros, and a reply times. */
struct reply_times {
	__be32 t2_seconds_be;
	__be32 t2_fraction_be;
	__be32 sender_sequence_be;
	__be32 sender_seconds_be;
} PLACE;

_Static_assert(offsetof(struct stamp_reply, receive_timestamp) +
			       offsetof(struct reply_times, sender_seconds_be) ==
		       offsetof(struct stamp_reply, sender_timestamp),
	       "reply_times");

/* Of a device that collects metadata, where the packet came through a tunnel: only they tell the
 * far end, and the answer would not find back. The kernel refuses to tell of IPv6 what was asked as
 * IPv4's. */
static __always_inline bool is_tunnelled(struct __sk_buff *skb)
{
	__u64 key[offsetof(struct bpf_tunnel_key, remote_ipv6[1]) / 8];
	long error = bpf_skb_get_tunnel_key(skb, (struct bpf_tunnel_key *)key, sizeof(key), 0);

	return error == 0 || error == -EPROTO;
}

/* Sent to this host, by one host that the answer gets back to. */
static __always_inline bool link_holds(struct __sk_buff *skb, const struct message *message,
				       enum link_layer link_layer)
{
	struct place_be16 source;

	/* A VLAN's tag is for a device above this one. One that tells but the priority (VLAN 0) is
	 * not, and goes back with the answer. */
	if (skb->pkt_type != PACKET_HOST || (skb->vlan_present && (skb->vlan_tci & VLAN_ID_MASK)) ||
	    message_is_tagged(message) || is_tunnelled(skb))
		return false;
	return link_layer == NONE || (bpf_skb_load_bytes(skb, ETH_ALEN, &source.value, 2) == 0 &&
				      !(source.value & MAC_GROUP_BE));
}

/* UDP, IP and the packet agree. One that stands for several (GRO) is none. */
static __always_inline bool length_holds(struct __sk_buff *skb, const struct message *message,
					 const struct udphdr *udp)
{
	__u64 bytes = bpf_ntohs(udp->len);

	return bytes >= UDP_BYTES + STAMP_BYTES && bytes <= UDP_BYTES + STAMP_BYTES_MAX &&
	       bytes <= message->bytes && message->offset + message->bytes <= skb->len &&
	       skb->gso_size == 0;
}

/* Whatever the era; 0 is no time. */
static __always_inline bool is_near(__be32 seconds_be, __u32 now_seconds)
{
	return seconds_be != 0 &&
	       bpf_ntohl(seconds_be) - now_seconds + LOOP_SECONDS <= 2 * LOOP_SECONDS;
}

/* A reply of ours, come back: from an echo as it was, T2 in its place; or from another reflector,
 * for whom our T3 is the sender's timestamp. The other's clock stands in neither. */
static __always_inline bool is_looped(struct __sk_buff *skb, const struct message *message,
				      __u64 now_ns)
{
	__u64 offset = message->offset + UDP_BYTES +
		       offsetof(struct stamp_reply, receive_timestamp);
	const struct kc_control *control = array_at(&kc_control, 0);
	struct reply_times times;
	__u32 now_seconds;

	if (!control || bpf_skb_load_bytes(skb, offset, &times, sizeof(times)) != 0)
		return true;
	now_seconds = ntp_from_real(now_ns + READ_ONCE(control->real_offset_ns)) >> 32;
	return is_near(times.t2_seconds_be, now_seconds) ||
	       is_near(times.sender_seconds_be, now_seconds);
}

/* By the packet alone. */
static __always_inline bool form_holds(struct __sk_buff *skb, const struct message *message,
				       enum link_layer link_layer, struct kc_counters *counters,
				       struct udphdr *ret_udp)
{
	if (!link_holds(skb, message, link_layer)) {
		count(counters, refused_host);
		return false;
	}
	/* No host sends a TTL of 0 (RFC 1122 section 3.2.1.7). */
	if (!message_is_plain(message) || message_ttl(message) == 0) {
		count(counters, refused_options);
		return false;
	}
	/* Another reflector at our port would answer our answer (those at other ports: is_looped);
	 * and nobody waits for one at port 0. */
	if (message_source_port_be(message) == config.stamp_port_be ||
	    message_source_port_be(message) == 0) {
		count(counters, refused_port);
		return false;
	}
	if (bpf_skb_load_bytes(skb, message->offset, ret_udp, sizeof(*ret_udp)) != 0 ||
	    !length_holds(skb, message, ret_udp)) {
		count(counters, refused_length);
		return false;
	}
	return true;
}

/* Else what was damaged on its way here would be counted as answered, and rejected as lost on the
 * way back. Of UDP nothing can be said where it has no checksum, or the sum of the pseudo-header
 * only: that is corrected, and as good after as before. */
static __always_inline bool sums_hold(struct __sk_buff *skb, const struct message *message,
				      const struct udphdr *udp)
{
	const struct packet packet = { .ctx = skb };
	__u64 sum = 0;

	if (message_is_ipv4(message) &&
	    (!packet_sum(&packet, message->offset - sizeof(struct iphdr), sizeof(struct iphdr),
			 &sum) ||
	     sum_fold(sum) != 0xffff))
		return false;
	return datagram_sum_holds(&packet, message, bpf_ntohs(udp->len), udp->check);
}

/* By who asks and who is asked; the asking peer's place in kc_addresses, or -1. */
static __always_inline __s64 peer_find(const struct message *message, struct kc_counters *counters)
{
	const struct kc_address *entry;
	__s64 place;

	entry = address_at(address_find(message->destination, message_is_ipv4(message)));
	if (!entry || READ_ONCE(entry->own) != 1) {
		count(counters, refused_destination);
		return -1;
	}
	place = address_find(message->source, message_is_ipv4(message));
	entry = address_at(place);
	if (!entry || READ_ONCE(entry->own) != 0 || READ_ONCE(entry->slot) == KC_SLOT_NONE) {
		count(counters, refused_source);
		return -1;
	}
	return place;
}

/* Of a local program: what it would receive is not ours. The tuple is a struct bpf_sock_tuple, in
 * numbers of 8 octets: see place.bpf.h. */
static __always_inline bool socket_exists(struct __sk_buff *skb, const struct message *message)
{
	bool is_ipv4 = message_is_ipv4(message);
	__u64 ports = words_join(halves_join(message_source_port_be(message), config.stamp_port_be),
				 0);
	__u64 addresses = words_join(address_to_ipv4(message->source),
				     address_to_ipv4(message->destination));
	__u64 tuple[] = {
		is_ipv4 ? addresses : message->source[0],
		is_ipv4 ? ports : message->source[1],
		message->destination[0],
		message->destination[1],
		ports,
	};
	struct bpf_sock *socket = bpf_sk_lookup_udp(skb, (struct bpf_sock_tuple *)tuple,
						    is_ipv4 ? TUPLE_IPV4_BYTES : TUPLE_IPV6_BYTES,
						    BPF_F_CURRENT_NETNS, 0);

	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

/* By what was before. */
static __always_inline bool rate_holds(__s64 place, __u64 session, struct kc_counters *counters,
				       __u64 now_ns)
{
	struct kc_address *peer = address_at(place);

	if (peer && rate_allows(peer, now_ns))
		return true;
	session_restart(session);
	count(counters, refused_rate);
	return false;
}

static __always_inline __be16 ssid_load(struct __sk_buff *skb, const struct message *message)
{
	__u64 offset = message->offset + UDP_BYTES + offsetof(struct stamp_request, ssid_be);
	struct place_be16 ssid;

	return bpf_skb_load_bytes(skb, offset, &ssid.value, sizeof(ssid.value)) == 0 ? ssid.value
										     : 0;
}

static __always_inline void reflected_count(__u64 slot, struct kc_counters *counters)
{
	struct kc_peer *peer = array_at(&kc_peers, slot);

	if (peer)
		count(peer, reflected);
	count(counters, reflected);
}

/* now_ns was taken as the program began: T2, where the request has no stamp of its own. */
static __noinline int request_reflect(struct __sk_buff *skb, const struct message *message,
				      __u64 now_ns, enum link_layer link_layer)
{
	struct kc_counters *counters = array_at(&kc_counters, 0);
	const struct kc_control *control = array_at(&kc_control, 0);
	const struct kc_address *peer;
	struct request request;
	struct udphdr udp PLACE;
	__s64 place;
	int verdict;

	if (!counters || is_inert(now_ns) || !form_holds(skb, message, link_layer, counters, &udp))
		return TC_ACT_UNSPEC;
	if (is_looped(skb, message, now_ns)) {
		count(counters, refused_loop);
		return TC_ACT_UNSPEC;
	}
	place = peer_find(message, counters);
	if (place < 0)
		return TC_ACT_UNSPEC;
	if (socket_exists(skb, message)) {
		count(counters, refused_socket);
		return TC_ACT_UNSPEC;
	}
	if (!sums_hold(skb, message, &udp)) {
		count(counters, refused_checksum);
		return TC_ACT_UNSPEC;
	}
	request.session = session_key(place, bpf_ntohs(message_source_port_be(message)),
				      bpf_ntohs(ssid_load(skb, message)));
	if (!rate_holds(place, request.session, counters, now_ns))
		return TC_ACT_UNSPEC;

	request.now_ns = now_ns;
	request.udp_bytes = bpf_ntohs(udp.len);
	request.real_offset_ns = control ? READ_ONCE(control->real_offset_ns) : 0;
	verdict = request_answer(skb, message, &request, link_layer);
	if (verdict == TC_ACT_UNSPEC) {
		session_restart(request.session);
		count(counters, refused_failed);
		return verdict;
	}
	peer = address_at(place);
	if (peer)
		reflected_count(READ_ONCE(peer->slot), counters);
	answer_stamp(skb, message, &request);
	return verdict;
}

#endif
