/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cls_bpf filters under a handle of our own, by a small rtnetlink client: one socket, one request,
 * one answer. Adds, reads and deletes single filters; must not know when one is wanted.
 */
#include "clsact.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "netlink.h"

#define OUR_PROGRAMS "kc_" /* what the name of each program of ours begins with */

#define ATTRIBUTES_BYTES 256   /* a kind, a name, three numbers */
#define ANSWER_BYTES	 8192  /* only a classic filter is larger, and that is not ours */
#define DUMP_BYTES	 32768 /* the most that the kernel puts into one datagram of a dump */
#define ANSWER_SECONDS	 1     /* the kernel answers within the call; so this is never reached */

struct clsact_request {
	struct nlmsghdr header;
	struct tcmsg message;
	char attributes[ATTRIBUTES_BYTES];
};

static uint32_t clsact_parent(bool egress)
{
	return TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

static struct clsact_request request_make(uint16_t type, uint16_t flags, uint32_t ifindex)
{
	return (struct clsact_request){
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
			    .nlmsg_type = type,
			    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
			    .nlmsg_seq = 1 },
		.message = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex },
	};
}

static struct clsact_request request_make_filter(uint16_t type, uint16_t flags,
						 const struct clsact_place *place)
{
	struct clsact_request request = request_make(type, flags, place->ifindex);

	request.message.tcm_parent = clsact_parent(place->egress);
	request.message.tcm_handle = place->handle;
	request.message.tcm_info = TC_H_MAKE(place->priority << 16, __builtin_bswap16(ETH_P_ALL));
	return request;
}

/* Ours are small and few, so that they always fit. */
static struct rtattr *request_append(struct clsact_request *request, uint16_t type,
				     const void *data, size_t bytes)
{
	struct rtattr *attribute =
		(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
	if (bytes > 0)
		memcpy(RTA_DATA(attribute), data, bytes);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) +
				    (uint32_t)RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* Attributes of a message or, nested, of an attribute. RTA_NEXT counts in another type. */
struct attributes {
	char *next;
	size_t rest;
};

static struct rtattr *attributes_take(struct attributes *attributes)
{
	struct rtattr *attribute = (void *)attributes->next;
	size_t bytes;

	if (attributes->rest < sizeof(*attribute) || attribute->rta_len < sizeof(*attribute) ||
	    attribute->rta_len > attributes->rest)
		return NULL;
	bytes = RTA_ALIGN(attribute->rta_len);
	if (bytes > attributes->rest)
		bytes = attributes->rest;
	attributes->next += bytes;
	attributes->rest -= bytes;
	return attribute;
}

static void read_text(struct rtattr *attribute, char *text, size_t capacity)
{
	snprintf(text, capacity, "%.*s", (int)RTA_PAYLOAD(attribute),
		 (const char *)RTA_DATA(attribute));
}

static void filter_read_options(struct rtattr *options, struct clsact_filter *filter)
{
	struct attributes attributes = { RTA_DATA(options), RTA_PAYLOAD(options) };
	struct rtattr *attribute;

	while ((attribute = attributes_take(&attributes))) {
		if (attribute->rta_type == TCA_BPF_ID &&
		    RTA_PAYLOAD(attribute) == sizeof(filter->program_id))
			memcpy(&filter->program_id, RTA_DATA(attribute),
			       sizeof(filter->program_id));
		else if (attribute->rta_type == TCA_BPF_NAME)
			read_text(attribute, filter->name, sizeof(filter->name));
	}
}

/* A filter or a qdisc, of which only the kind is read. */
static void filter_read(struct nlmsghdr *header, struct clsact_filter *filter)
{
	struct tcmsg *message = NLMSG_DATA(header);
	struct attributes attributes = { (void *)TCA_RTA(message), TCA_PAYLOAD(header) };
	struct rtattr *attribute, *options = NULL;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return;
	while ((attribute = attributes_take(&attributes))) {
		if (attribute->rta_type == TCA_KIND)
			read_text(attribute, filter->kind, sizeof(filter->kind));
		else if (attribute->rta_type == TCA_OPTIONS)
			options = attribute;
	}
	/* Another kind's options have other meanings under the same numbers. */
	if (options && strcmp(filter->kind, "bpf") == 0)
		filter_read_options(options, filter);
}

/* One datagram, whole: of the kernel's, not of somebody who found our port. Octets or -errno. */
static ssize_t answer_receive(int fd, void *answer, size_t capacity)
{
	for (;;) {
		struct sockaddr_nl from = { .nl_pid = 0 };
		socklen_t length = sizeof(from);
		ssize_t received = recvfrom(fd, answer, capacity, MSG_TRUNC,
					    (struct sockaddr *)&from, &length);

		if (received < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (from.nl_pid == 0)
			return (size_t)received > capacity ? -EMSGSIZE : received;
	}
}

/* Reads up to the acknowledgement that every request asks for, each answer a datagram. */
static int answer_read(int fd, struct clsact_filter *ret_filter)
{
	union {
		struct nlmsghdr header;
		char bytes[ANSWER_BYTES];
	} answer;

	for (;;) {
		ssize_t received = answer_receive(fd, &answer, sizeof(answer));

		if (received < 0)
			return (int)received;
		if (!NLMSG_OK(&answer.header, (size_t)received))
			return -EBADMSG;
		if (answer.header.nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
		if ((answer.header.nlmsg_type == RTM_NEWTFILTER ||
		     answer.header.nlmsg_type == RTM_NEWQDISC) &&
		    ret_filter)
			filter_read(&answer.header, ret_filter);
	}
}

/* The socket that the answer comes to, or -errno. */
static int request_begin(const struct clsact_request *request)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    send(fd, request, request->header.nlmsg_len, 0) >= 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int request_send(const struct clsact_request *request, struct clsact_filter *ret_filter)
{
	int fd = request_begin(request);
	int err;

	if (fd < 0)
		return fd;
	err = answer_read(fd, ret_filter);
	close(fd);
	return err;
}

/* Reads one datagram of a dump. 1: more follow; 0: that was all; or -errno. */
static int dump_read(int fd, clsact_list_fn *on_filter, void *ctx)
{
	union {
		struct nlmsghdr header;
		char bytes[DUMP_BYTES];
	} answer;
	ssize_t received = answer_receive(fd, &answer, sizeof(answer));
	struct nlmsghdr *header = &answer.header;
	uint32_t left = (uint32_t)received;

	if (received < 0)
		return (int)received;
	for (; NLMSG_OK(header, left); header = netlink_next_message(header, &left)) {
		const struct tcmsg *message = NLMSG_DATA(header);
		struct clsact_filter filter = { 0 };

		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(header))->error;
		/* Each priority is told of as well, as a filter without a handle. */
		if (header->nlmsg_type != RTM_NEWTFILTER ||
		    header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)) || message->tcm_handle == 0)
			continue;
		filter_read(header, &filter);
		on_filter(ctx, TC_H_MAJ(message->tcm_info) >> 16,
			  TC_H_MIN(message->tcm_info) == __builtin_bswap16(ETH_P_ALL), &filter);
	}
	return 1;
}

int clsact_list(uint32_t ifindex, bool egress, clsact_list_fn *on_filter, void *ctx)
{
	struct clsact_request request = request_make(RTM_GETTFILTER, NLM_F_DUMP, ifindex);
	int result = 1;
	int fd;

	request.header.nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	request.message.tcm_parent = clsact_parent(egress);
	fd = request_begin(&request);
	if (fd < 0)
		return fd;
	while (result > 0)
		result = dump_read(fd, on_filter, ctx);
	close(fd);
	return result;
}

int clsact_get(const struct clsact_place *place, struct clsact_filter *ret)
{
	struct clsact_request request = request_make_filter(RTM_GETTFILTER, 0, place);
	struct clsact_filter filter = { 0 };
	int err = request_send(&request, &filter);

	/* The request is well-formed: EINVAL means no clsact, or nothing of this priority. */
	if (err == -EINVAL)
		return -ENOENT;
	if (err)
		return err;
	*ret = filter;
	return 0;
}

static struct clsact_request request_make_qdisc(uint16_t type, uint16_t flags, uint32_t ifindex)
{
	struct clsact_request request = request_make(type, flags, ifindex);

	request.message.tcm_parent = TC_H_CLSACT;
	request.message.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	return request;
}

int clsact_get_qdisc(uint32_t ifindex, struct clsact_filter *ret)
{
	struct clsact_request request = request_make_qdisc(RTM_GETQDISC, NLM_F_ECHO, ifindex);
	struct clsact_filter present = { 0 };
	int err = request_send(&request, &present);

	if (!err)
		*ret = present;
	return err;
}

static int clsact_ensure_qdisc(uint32_t ifindex)
{
	struct clsact_request request = request_make_qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
							   ifindex);
	struct clsact_filter present = { 0 };
	int err;

	request_append(&request, TCA_KIND, "clsact", sizeof("clsact"));
	err = request_send(&request, NULL);
	if (err != -EEXIST)
		return err;
	/* The ingress qdisc stands in the same place, and takes filters for egress as its own. */
	err = clsact_get_qdisc(ifindex, &present);
	if (err)
		return err;
	return strcmp(present.kind, "ingress") == 0 ? -EOPNOTSUPP : 0;
}

int clsact_add(const struct clsact_place *place, int program_fd, const char *name)
{
	const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
	struct clsact_request request = request_make_filter(RTM_NEWTFILTER,
							    NLM_F_CREATE | NLM_F_EXCL, place);
	struct rtattr *options;
	int err;

	if (strlen(name) >= sizeof(((struct clsact_filter *)0)->name))
		return -ENAMETOOLONG;
	err = clsact_ensure_qdisc(place->ifindex);
	if (err)
		return err;
	request_append(&request, TCA_KIND, "bpf", sizeof("bpf"));
	options = request_append(&request, TCA_OPTIONS, NULL, 0);
	request_append(&request, TCA_BPF_FD, &program_fd, sizeof(program_fd));
	request_append(&request, TCA_BPF_NAME, name, strlen(name) + 1);
	request_append(&request, TCA_BPF_FLAGS, &flags, sizeof(flags));
	options->rta_len =
		(uint16_t)((char *)&request + request.header.nlmsg_len - (char *)options);
	return request_send(&request, NULL);
}

int clsact_delete(const struct clsact_place *place, uint32_t program_id)
{
	struct clsact_request request = request_make_filter(RTM_DELTFILTER, 0, place);
	struct clsact_filter filter;
	int err = clsact_get(place, &filter);

	if (err)
		return err;
	if (filter.program_id != program_id)
		return -ENOENT;
	/* Should another kind stand there by now, the kernel refuses. */
	request_append(&request, TCA_KIND, "bpf", sizeof("bpf"));
	return request_send(&request, NULL);
}

int clsact_remove_stale(const struct clsact_place *place)
{
	struct clsact_filter filter;
	int err;

	if (place->handle - CLSACT_HANDLE_BASE >= CLSACT_UNCLAIMED)
		return -EPERM;
	err = clsact_get(place, &filter);
	if (err)
		return err;
	/* Only of kind bpf has a name. */
	if (strncmp(filter.name, OUR_PROGRAMS, strlen(OUR_PROGRAMS)) != 0)
		return -EEXIST;
	return clsact_delete(place, filter.program_id);
}
