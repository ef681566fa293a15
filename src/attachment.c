/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts our programs on an interface and finds out whether they are still there. Owns links and
 * filters; must not know who asked, nor whether probes get through.
 */
#include "attachment.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clsact.h"
#include "log.h"

#define DEVICE_IP6GRE 823 /* ARPHRD_IP6GRE, which glibc lacks */

/* Linux 6.6; older headers lack them. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define ATTACH_BEFORE	   (1u << 3) /* BPF_F_BEFORE: with no other program named, before all */

/* Where else to put a filter when somebody stands under our handle, or has the priority for another
 * protocol or kind of filter. */
#define FILTER_PRIORITIES  4 /* from 1: before most others' */
#define FILTER_HANDLES	   4
#define FILTER_HANDLE_STEP 0x100u

/* So often a side is put in place again, or renewed, at most. */
#define AGAIN_AFTER_NS (5 * NS_PER_SECOND)

/* What one direction of one interface is to get. */
struct target {
	const struct attachment_policy *policy;
	uint32_t ifindex;
	bool egress;
	int program;	 /* for tc */
	int xdp_program; /* -1: XDP is not asked for, or not possible */
	struct local_time now;
};

bool attachment_tcx_supported(const struct kernel *kernel)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = ATTACH_BEFORE);
	/* No interface has this index: a kernel that knows TCX says ENODEV, another EINVAL. */
	int link = bpf_link_create(kernel->programs[KERNEL_EGRESS_ETHERNET], INT32_MAX,
				   ATTACH_TCX_EGRESS, &options);

	return link == -ENODEV;
}

bool attachment_bpf_permitted(const struct kernel *kernel)
{
	struct bpf_prog_info program = { 0 };
	uint32_t bytes = sizeof(program);

	return bpf_obj_get_info_by_fd(kernel->programs[KERNEL_EGRESS_ETHERNET], &program, &bytes) ==
	       0;
}

int attachment_device_is_l3(int fd, uint32_t ifindex, bool *ret)
{
	struct ifreq request = { .ifr_ifindex = (int)ifindex };

	if (ioctl(fd, SIOCGIFNAME, &request) < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	switch (request.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		*ret = false;
		return 0;
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case DEVICE_IP6GRE:
	case ARPHRD_VOID:
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_PPP:
		*ret = true;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void side_set(struct attachment_side *side, enum hook_mode mode, int err)
{
	side->state = (struct word_direction){ .mode = err ? HOOK_NONE : mode, .error = -err };
}

/* Whether what we put there is there. When the kernel does not tell, it is taken for unchanged. */
static bool side_stands(const struct attachment_side *side, uint32_t ifindex)
{
	struct clsact_filter filter;
	int err;

	if (side->link >= 0) {
		struct bpf_link_info info = { 0 };
		uint32_t bytes = sizeof(info);

		/* tcx.ifindex has the place of xdp.ifindex; 0 once the device is gone. */
		err = bpf_obj_get_info_by_fd(side->link, &info, &bytes);
		return err || info.xdp.ifindex == ifindex;
	}
	if (!side->filter_id)
		return false;
	err = clsact_get(&side->filter, &filter);
	return err ? err != -ENOENT && err != -ENODEV : filter.program_id == side->filter_id;
}

static void side_release(struct attachment_side *side, int err)
{
	if (side->link >= 0)
		close(side->link);
	if (side->filter_id)
		clsact_delete(&side->filter, side->filter_id);
	side->link = -1;
	side->filter_id = 0;
	side_set(side, HOOK_NONE, err);
}

static int attach_link(struct attachment_side *side, int program, uint32_t ifindex, int type,
		       uint32_t flags, enum hook_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int link = bpf_link_create(program, (int)ifindex, (enum bpf_attach_type)type, &options);

	if (link >= 0)
		side->link = link;
	side_set(side, mode, link < 0 ? link : 0);
	return link < 0 ? link : 0;
}

/* One of all our places, by priority first. */
static struct clsact_place filter_place(const struct target *target, uint32_t number)
{
	return (struct clsact_place){
		.ifindex = target->ifindex,
		.egress = target->egress,
		.priority = 1 + number / FILTER_HANDLES,
		.handle = target->policy->filter_handle +
			  FILTER_HANDLE_STEP * (number % FILTER_HANDLES),
	};
}

/* Takes the first place that is free, after all that a dead loader left. */
static int filter_add(const struct target *target, const char *name, struct clsact_place *ret)
{
	const uint32_t places = FILTER_PRIORITIES * FILTER_HANDLES;
	int err = -EEXIST;

	for (uint32_t number = 0; number < places; number++) {
		struct clsact_place place = filter_place(target, number);

		clsact_remove_stale(&place);
	}
	for (uint32_t number = 0; number < places; number++) {
		struct clsact_place place = filter_place(target, number);

		err = clsact_add(&place, target->program, name);
		if (!err)
			*ret = place;
		if (err != -EEXIST && err != -EINVAL)
			break;
		log_debug("no place for our filter", LOG_INT("ifindex", target->ifindex),
			  LOG_INT("priority", place.priority), LOG_INT("handle", place.handle),
			  LOG_ERRNO(err));
	}
	return err;
}

static void attach_filter(struct attachment_side *side, const struct target *target)
{
	struct bpf_prog_info program = { 0 };
	uint32_t bytes = sizeof(program);
	int err = bpf_obj_get_info_by_fd(target->program, &program, &bytes);

	if (!err)
		err = filter_add(target, program.name, &side->filter);
	if (!err)
		side->filter_id = program.id;
	side_set(side, HOOK_CLSACT, err);
}

static int attach_xdp(struct attachment_side *side, const struct target *target)
{
	int err = attach_link(side, target->xdp_program, target->ifindex, BPF_XDP,
			      XDP_FLAGS_DRV_MODE, HOOK_XDP_NATIVE);

	if (!err)
		return 0;
	log_debug("no native XDP", LOG_INT("ifindex", target->ifindex), LOG_ERRNO(err));
	return attach_link(side, target->xdp_program, target->ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE,
			   HOOK_XDP_GENERIC);
}

static void side_attach(struct attachment_side *side, const struct target *target)
{
	const struct attachment_policy *policy = target->policy;

	if (target->xdp_program >= 0) {
		int err = attach_xdp(side, target);

		if (!err)
			return;
		log_debug("no XDP at all; tc instead", LOG_INT("ifindex", target->ifindex),
			  LOG_ERRNO(err));
	}
	if (policy->hook == CONFIG_HOOK_CLSACT || (policy->hook != CONFIG_HOOK_TCX && !policy->tcx))
		attach_filter(side, target);
	else if (policy->tcx)
		attach_link(side, target->program, target->ifindex,
			    target->egress ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS, ATTACH_BEFORE,
			    HOOK_TCX);
	else
		side_set(side, HOOK_NONE, -EOPNOTSUPP);
}

static void side_ensure(struct attachment_side *side, const struct target *target)
{
	struct word_direction before = side->state;

	if (side_stands(side, target->ifindex))
		return;
	side_release(side, 0);
	/* What somebody else took away is put back at once. */
	if (before.mode == HOOK_NONE && local_since(target->now, side->again_at) < 0) {
		side_set(side, HOOK_NONE, -EAGAIN);
		return;
	}
	side_attach(side, target);
	/* A NIC may flap its link each time; tc costs nobody anything. */
	if (side->link >= 0 && side->state.mode != HOOK_TCX)
		side->again_at = local_after(target->now, AGAIN_AFTER_NS);
	if (side->state.error == EOPNOTSUPP && before.error != EOPNOTSUPP)
		log_warn("an ingress qdisc stands where clsact would",
			 LOG_INT("ifindex", target->ifindex));
}

void attachment_init(struct attachment *attachment, uint32_t ifindex)
{
	*attachment = (struct attachment){
		.ifindex = ifindex,
		.egress = { .link = -1 },
		.ingress = { .link = -1 },
		.reflect = { .link = -1 },
	};
}

/* Where tc serves ingress it reflects as well: a second program would have nothing to do. */
static void reflect_ensure(struct attachment *attachment, struct target *target)
{
	uint32_t ingress = attachment->ingress.state.mode;

	target->program = target->policy->kernel->programs[KERNEL_REFLECT];
	target->xdp_program = -1;
	if (target->program >= 0 && (ingress == HOOK_XDP_NATIVE || ingress == HOOK_XDP_GENERIC))
		side_ensure(&attachment->reflect, target);
	else
		side_release(&attachment->reflect, 0);
}

void attachment_ensure(struct attachment *attachment, const struct attachment_policy *policy,
		       struct local_time now)
{
	const int *programs = policy->kernel->programs;
	struct target target = { .policy = policy, .ifindex = attachment->ifindex, .now = now };
	bool l3 = false;
	int err = attachment_device_is_l3(policy->device_fd, attachment->ifindex, &l3);

	/* Not being told is no reason to take away what may well work. */
	if (err == -ENODEV || err == -EOPNOTSUPP || (err && !attachment_stands(attachment)))
		attachment_release(attachment, err);
	if (err)
		return;

	/* First where replies come in: a probe that leaves stamped must not be answered unseen. */
	target.egress = false;
	target.program = programs[l3 ? KERNEL_INGRESS_L3 : KERNEL_INGRESS_ETHERNET];
	target.xdp_program = -1;
	if (policy->hook == CONFIG_HOOK_XDP && !l3)
		target.xdp_program = programs[KERNEL_INGRESS_XDP];
	side_ensure(&attachment->ingress, &target);
	reflect_ensure(attachment, &target);

	target.egress = true;
	target.program = programs[l3 ? KERNEL_EGRESS_L3 : KERNEL_EGRESS_ETHERNET];
	target.xdp_program = -1;
	side_ensure(&attachment->egress, &target);
}

void attachment_renew(struct attachment *attachment, const struct attachment_policy *policy,
		      bool egress, struct local_time now)
{
	struct attachment_side *side = egress ? &attachment->egress : &attachment->ingress;
	bool tc = side->state.mode == HOOK_TCX || side->state.mode == HOOK_CLSACT;

	if (tc && local_since(now, side->renew_at) >= 0) {
		side_release(side, 0);
		side->renew_at = local_after(now, AGAIN_AFTER_NS);
	}
	attachment_ensure(attachment, policy, now);
}

void attachment_release(struct attachment *attachment, int err)
{
	side_release(&attachment->egress, err);
	side_release(&attachment->ingress, err);
	side_release(&attachment->reflect, 0); /* it only goes where ingress goes, which tells */
}

bool attachment_stands(const struct attachment *attachment)
{
	return attachment->egress.state.mode != HOOK_NONE ||
	       attachment->ingress.state.mode != HOOK_NONE ||
	       attachment->reflect.state.mode != HOOK_NONE;
}

bool attachment_idle(const struct attachment *attachment, struct local_time now)
{
	return !attachment_stands(attachment) &&
	       local_since(now, attachment->egress.again_at) >= 0 &&
	       local_since(now, attachment->ingress.again_at) >= 0;
}
