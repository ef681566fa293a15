/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody else's program on an interface: counts packets, returns the verdict it is told to, and
 * prints its count on SIGUSR1. Also tells who is on a hook. Raw bpf() and rtnetlink: shares nothing
 * with the loader.
 *
 *   foreign attach tcx|tc|stale|xdp ingress|egress VERDICT INTERFACE STATISTICS [first|last]
 *
 *   foreign list tcx-ingress|tcx-egress INTERFACE    (names of programs, one a line, in order)
 *
 *   foreign filler INTERFACE NUMBER    (so many programs at TCX ingress, until SIGTERM)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, newer than these headers */
#define TCX_EGRESS  47
#define FLAG_BEFORE (1u << 3)

static uint64_t *counter;
static uint32_t program_id;

static long bpf(int command, void *attributes, size_t size)
{
	return syscall(SYS_bpf, command, attributes, size);
}

static void check(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "foreign: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int map_create(void)
{
	union bpf_attr attributes = { 0 };
	long fd;

	attributes.map_type = BPF_MAP_TYPE_ARRAY;
	attributes.key_size = 4;
	attributes.value_size = 8;
	attributes.max_entries = 1;
	attributes.map_flags = BPF_F_MMAPABLE;
	fd = bpf(BPF_MAP_CREATE, &attributes, sizeof(attributes));
	check(fd, "map");
	counter = mmap(NULL, 4096, PROT_READ, MAP_SHARED, (int)fd, 0);
	if (counter == MAP_FAILED)
		check(-1, "mmap");
	return (int)fd;
}

/* counter += 1; return verdict; */
static int program_load(uint32_t type, int verdict)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = map_create() },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC,
		  .dst_reg = 1,
		  .src_reg = 2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes = { 0 };
	struct bpf_prog_info info = { 0 };
	long fd;

	attributes.prog_type = type;
	attributes.insns = (uintptr_t)instructions;
	attributes.insn_cnt = sizeof(instructions) / sizeof(instructions[0]);
	attributes.license = (uintptr_t) "GPL";
	memcpy(attributes.prog_name, "foreign", 8);
	fd = bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
	check(fd, "load");
	memset(&attributes, 0, sizeof(attributes));
	attributes.info.bpf_fd = (uint32_t)fd;
	attributes.info.info_len = sizeof(info);
	attributes.info.info = (uintptr_t)&info;
	check(bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)), "info");
	program_id = info.id;
	return (int)fd;
}

static void link_create(int program, uint32_t ifindex, uint32_t type, uint32_t flags)
{
	union bpf_attr attributes = { 0 };

	attributes.link_create.prog_fd = (uint32_t)program;
	attributes.link_create.target_ifindex = ifindex;
	attributes.link_create.attach_type = type;
	attributes.link_create.flags = flags;
	check(bpf(BPF_LINK_CREATE, &attributes, sizeof(attributes)), "link");
}

struct filter_request {
	struct nlmsghdr header;
	struct tcmsg message;
	char attributes[256];
};

static struct rtattr *put(struct filter_request *request, uint16_t type, const void *data,
			  size_t length)
{
	struct rtattr *attribute =
		(struct rtattr *)(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(length);
	if (length > 0)
		memcpy(RTA_DATA(attribute), data, length);
	request->header.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
	return attribute;
}

/* Priority 1. The qdisc is there already. */
static void filter_add(int program, uint32_t ifindex, bool egress, uint32_t handle,
		       const char *name)
{
	struct filter_request request = { 0 };
	struct rtattr *options;
	uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.message));
	request.header.nlmsg_type = RTM_NEWTFILTER;
	request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	request.message.tcm_ifindex = (int)ifindex;
	request.message.tcm_handle = handle;
	request.message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? 0xfff3u : 0xfff2u);
	request.message.tcm_info = 1u << 16 | htons(ETH_P_ALL);
	put(&request, TCA_KIND, "bpf", 4);
	options = put(&request, TCA_OPTIONS, NULL, 0);
	put(&request, TCA_BPF_FD, &program, sizeof(program));
	put(&request, TCA_BPF_NAME, name, strlen(name) + 1);
	put(&request, TCA_BPF_FLAGS, &flags, sizeof(flags));
	options->rta_len =
		(uint16_t)((char *)&request + request.header.nlmsg_len - (char *)options);
	check(send(fd, &request, request.header.nlmsg_len, 0), "netlink");
	check(recv(fd, &answer, sizeof(answer), 0), "netlink");
	errno = -answer.error.error;
	check(answer.error.error, "filter");
	close(fd);
}

static void write_count(const char *path)
{
	char temporary[4096];
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	if (!file) {
		perror(temporary);
		exit(1);
	}
	fprintf(file, "packets %lu\nprogram %u\n", *(volatile uint64_t *)counter, program_id);
	fclose(file);
	check(rename(temporary, path), path);
}

static int attach(char **arguments, bool first)
{
	bool egress = strcmp(arguments[1], "egress") == 0;
	bool xdp = strcmp(arguments[0], "xdp") == 0;
	uint32_t ifindex = if_nametoindex(arguments[3]);
	int program = program_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
				   atoi(arguments[2]));
	sigset_t set;
	int number = 0;

	if (xdp)
		link_create(program, ifindex, BPF_XDP, 0);
	else if (strcmp(arguments[0], "tcx") == 0)
		link_create(program, ifindex, egress ? TCX_EGRESS : TCX_INGRESS,
			    first ? FLAG_BEFORE : 0);
	else if (strcmp(arguments[0], "stale") == 0) /* our old version's, in our second place */
		filter_add(program, ifindex, egress, 0x6b630100, "kc_of_old");
	else /* as the usual neighbour does */
		filter_add(program, ifindex, egress, 1, "foreign");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	do
		write_count(arguments[4]);
	while (sigwait(&set, &number) == 0 && number == SIGUSR1);
	return 0;
}

static int list(const char *hook, const char *interface)
{
	/* bpf_attr.query of kernels that know TCX; the first fields have not changed. */
	uint32_t ids[64] = { 0 };
	union bpf_attr query = { 0 };

	query.query.target_fd = if_nametoindex(interface);
	query.query.attach_type = strcmp(hook, "tcx-egress") == 0 ? TCX_EGRESS : TCX_INGRESS;
	query.query.prog_ids = (uintptr_t)ids;
	query.query.prog_cnt = 64;
	if (bpf(BPF_PROG_QUERY, &query, sizeof(query)) != 0 && errno != ENOENT)
		check(-1, "query");
	for (uint32_t i = 0; i < query.query.prog_cnt && i < 64; i++) {
		union bpf_attr attributes = { .prog_id = ids[i] };
		struct bpf_prog_info info = { 0 };
		long fd = bpf(BPF_PROG_GET_FD_BY_ID, &attributes, sizeof(attributes));

		memset(&attributes, 0, sizeof(attributes));
		attributes.info.bpf_fd = (uint32_t)fd;
		attributes.info.info_len = sizeof(info);
		attributes.info.info = (uintptr_t)&info;
		if (fd >= 0 && bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) == 0)
			printf("%s\n", info.name);
	}
	return 0;
}

static int fill(const char *interface, int number)
{
	for (int i = 0; i < number; i++)
		link_create(program_load(BPF_PROG_TYPE_SCHED_CLS, -1), if_nametoindex(interface),
			    TCX_INGRESS, 0);
	return pause();
}

int main(int argc, char **argv)
{
	if (argc >= 7 && strcmp(argv[1], "attach") == 0)
		return attach(argv + 2, argc > 7 && strcmp(argv[7], "first") == 0);
	if (argc == 4 && strcmp(argv[1], "list") == 0)
		return list(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "filler") == 0)
		return fill(argv[2], atoi(argv[3]));
	return fprintf(stderr, "foreign: see the head of foreign.c\n"), 2;
}
