/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of libbpf's header, so that bpf/ compiles into a process: what the kernel's helpers
 * do is in programs.c. Signatures as of bpf-helpers(7).
 */
#ifndef FUZZ_BPF_HELPERS_H
#define FUZZ_BPF_HELPERS_H

#include <linux/bpf.h>
#include <stddef.h>

/* With -fcommon the constants of .rodata are whoever's who defines them; of weak ones the compiler
 * takes the zeros here for granted. */
#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, type)  __typeof__(type) *name

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define __noinline __attribute__((noinline))

void *bpf_map_lookup_elem(void *map, const void *key);
__u64 bpf_ktime_get_ns(void);
__u64 bpf_ktime_get_tai_ns(void);
long bpf_skb_load_bytes(const void *skb, __u32 offset, void *to, __u32 bytes);
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 bytes,
			 __u64 flags);
long bpf_skb_pull_data(struct __sk_buff *skb, __u32 bytes);
long bpf_skb_get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, __u32 bytes,
			    __u64 flags);
__s64 bpf_csum_diff(__be32 *from, __u32 from_bytes, __be32 *to, __u32 to_bytes, __u32 seed);
long bpf_l3_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags);
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *tuple, __u32 bytes,
				   __u64 netns, __u64 flags);
long bpf_sk_release(void *sock);
void *bpf_ringbuf_reserve(void *ring, __u64 bytes, __u64 flags);
void bpf_ringbuf_submit(void *record, __u64 flags);

#endif
