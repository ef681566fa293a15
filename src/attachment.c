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
#include <sys/socket.h>
#include <unistd.h>

#include "clsact.h"
#include "log.h"

/* Linux 6.6; older headers lack them. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define ATTACH_BEFORE	   (1u << 3) /* BPF_F_BEFORE: with no other program named, before all */

/* Where else to put a filter when somebody stands under our handle. */
#define FILTER_PLACES	  4
#define FILTER_PLACE_STEP 0x100u

/* What one direction of one interface is to get. */
struct target {
	const struct attachment_policy *policy;
	uint32_t ifindex;
	bool egress;
	int program;	 /* for tc */
	int xdp_program; /* -1: XDP is not asked for, or not possible */
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

/* Whether packets on the interface begin with the IP header. 0 or -ENODEV or another -errno. */
static int device_is_l3(uint32_t ifindex, bool *ret)
{
	struct ifreq request = { .ifr_ifindex = (int)ifindex };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFNAME, &request) < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		err = -errno;
	else
		*ret = request.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
		       request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK;
	close(fd);
	return err;
}

static void side_set(struct attachment_side *side, enum hook_mode mode, int err)
{
	side->state = (struct word_direction){ .mode = err ? HOOK_NONE : mode, .error = -err };
}

/* Whether what we put there is there. When the kernel does not tell, it is taken for unchanged. */
static bool side_stands(const struct attachment_side *side, uint32_t ifindex, bool egress)
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
	err = clsact_get(ifindex, egress, side->filter_handle, &filter);
	return err ? err != -ENOENT && err != -ENODEV : filter.program_id == side->filter_id;
}

static void side_release(struct attachment_side *side, uint32_t ifindex, bool egress)
{
	if (side->link >= 0)
		close(side->link);
	if (side->filter_id)
		clsact_delete(ifindex, egress, side->filter_handle, side->filter_id);
	side->link = -1;
	side->filter_id = 0;
	side_set(side, HOOK_NONE, 0);
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

/* The first of our places that is free, or that a dead loader left. */
static int filter_place(const struct target *target, const char *name, uint32_t *ret_handle)
{
	for (uint32_t place = 0; place < FILTER_PLACES; place++) {
		uint32_t handle = target->policy->filter_handle + FILTER_PLACE_STEP * place;
		int err;

		clsact_remove_stale(target->ifindex, target->egress, handle, target->program);
		err = clsact_add(target->ifindex, target->egress, handle, target->program, name);
		if (err != -EEXIST) {
			*ret_handle = handle;
			return err;
		}
		log_debug("a filter that is not known stands under our handle",
			  LOG_INT("ifindex", target->ifindex), LOG_INT("handle", handle));
	}
	return -EEXIST;
}

static void attach_filter(struct attachment_side *side, const struct target *target)
{
	struct bpf_prog_info program = { 0 };
	uint32_t bytes = sizeof(program);
	int err = bpf_obj_get_info_by_fd(target->program, &program, &bytes);

	if (!err)
		err = filter_place(target, program.name, &side->filter_handle);
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
	if (side_stands(side, target->ifindex, target->egress))
		return;
	side_release(side, target->ifindex, target->egress);
	side_attach(side, target);
}

void attachment_init(struct attachment *attachment, uint32_t ifindex)
{
	*attachment = (struct attachment){
		.ifindex = ifindex,
		.egress = { .link = -1 },
		.ingress = { .link = -1 },
	};
}

void attachment_ensure(struct attachment *attachment, const struct attachment_policy *policy)
{
	const int *programs = policy->kernel->programs;
	bool l3 = false;
	int err = device_is_l3(attachment->ifindex, &l3);

	if (err) {
		attachment_release(attachment);
		side_set(&attachment->egress, HOOK_NONE, err);
		side_set(&attachment->ingress, HOOK_NONE, err);
		return;
	}
	side_ensure(&attachment->egress,
		    &(struct target){
			    .policy = policy,
			    .ifindex = attachment->ifindex,
			    .egress = true,
			    .program = programs[l3 ? KERNEL_EGRESS_L3 : KERNEL_EGRESS_ETHERNET],
			    .xdp_program = -1,
		    });
	side_ensure(&attachment->ingress,
		    &(struct target){
			    .policy = policy,
			    .ifindex = attachment->ifindex,
			    .egress = false,
			    .program = programs[l3 ? KERNEL_INGRESS_L3 : KERNEL_INGRESS_ETHERNET],
			    .xdp_program = policy->hook == CONFIG_HOOK_XDP && !l3
						   ? programs[KERNEL_INGRESS_XDP]
						   : -1,
		    });
}

void attachment_release(struct attachment *attachment)
{
	side_release(&attachment->egress, attachment->ifindex, true);
	side_release(&attachment->ingress, attachment->ifindex, false);
}
