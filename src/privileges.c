/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability sets, user and groups of this process, by raw system calls. Whatever it takes away it
 * reads back. Must not know why a capability is kept.
 */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <link.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct capability_sets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static uint64_t capability_bit(int capability)
{
	return UINT64_C(1) << capability;
}

static int capabilities_read(struct capability_sets *ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = (struct capability_sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

static int capabilities_write(const struct capability_sets *sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(sets->effective >> 32 * i);
		data[i].permitted = (uint32_t)(sets->permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(sets->inheritable >> 32 * i);
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Leaves `kept` in the bounding set. The kernel refuses the one after its last capability. */
static int bounding_drop(uint64_t kept)
{
	for (int capability = 0; capability < 64; capability++) {
		int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (held < 0)
			return 0;
		if (held == 0 || (kept & capability_bit(capability)))
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 0)
			return -EPERM;
	}
	return 0;
}

bool privileges_held(int capability)
{
	struct capability_sets held;

	/* Of what bpf() asks for, CAP_SYS_ADMIN was all before it was divided, and still is. */
	return capabilities_read(&held) == 0 &&
	       ((held.effective & capability_bit(capability)) ||
		((capability == CAP_BPF || capability == CAP_PERFMON) &&
		 (held.effective & capability_bit(CAP_SYS_ADMIN))));
}

/* user_namespaces(7). */
struct id_map {
	unsigned long outside; /* the first id of the first line */
	unsigned long count;   /* of all lines */
	bool has_nobody;
};

static int map_read(const char *path, unsigned long nobody, struct id_map *ret)
{
	FILE *file = fopen(path, "re");
	struct id_map map = { 0 };
	unsigned long first, outside, count;

	if (!file)
		return -errno;
	while (fscanf(file, "%lu %lu %lu", &first, &outside, &count) == 3) {
		if (map.count == 0)
			map.outside = outside;
		map.count += count;
		map.has_nobody |= nobody >= first && nobody - first < count;
	}
	fclose(file);
	if (map.count == 0)
		return -ENODATA;
	*ret = map;
	return 0;
}

static int maps_read(struct id_map *ret_users, struct id_map *ret_groups)
{
	int err = map_read("/proc/self/uid_map", PRIVILEGES_UID, ret_users);

	return err ? err : map_read("/proc/self/gid_map", PRIVILEGES_GID, ret_groups);
}

bool privileges_in_user_namespace(void)
{
	struct id_map users, groups;

	/* The host's has all ids there are. */
	return maps_read(&users, &groups) == 0 && users.count != UINT32_MAX;
}

/* A single id, and nobody is another: whoever has it may no more than who made the namespace, if
 * that was not root. */
static bool is_confined(const struct id_map *map)
{
	return map->count == 1 && !map->has_nobody && map->outside != 0;
}

static bool ids_are_confined(void)
{
	struct id_map users, groups;

	return maps_read(&users, &groups) == 0 && is_confined(&users) && is_confined(&groups);
}

bool privileges_lack_nobody(void)
{
	struct id_map users, groups;

	return maps_read(&users, &groups) == 0 && !(is_confined(&users) && is_confined(&groups)) &&
	       ((privileges_held(CAP_SETUID) && !users.has_nobody) ||
		(privileges_held(CAP_SETGID) && !groups.has_nobody));
}

int privileges_suspend(bool suspend)
{
	struct capability_sets sets;
	int err = capabilities_read(&sets);

	if (err)
		return err;
	sets.effective = suspend ? 0 : sets.permitted;
	return capabilities_write(&sets);
}

int privileges_keep(const int *capabilities, unsigned int count)
{
	struct capability_sets sets;
	uint64_t kept = 0;
	int err;

	err = capabilities_read(&sets);
	if (err)
		return err;
	for (unsigned int i = 0; i < count; i++)
		kept |= capability_bit(capabilities[i]) & sets.permitted;
	if (sets.effective & capability_bit(CAP_SETPCAP)) {
		err = bounding_drop(kept);
		if (err)
			return err;
	}
	sets = (struct capability_sets){ .effective = kept, .permitted = kept };
	err = capabilities_write(&sets);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	/* An ambient capability is an inheritable one too: with none of these there is none. */
	err = capabilities_read(&sets);
	if (err)
		return err;
	if (sets.effective != kept || sets.permitted != kept || sets.inheritable != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EPERM;
	return 0;
}

int privileges_for_bpf(void)
{
	struct capability_sets sets;
	bool lacks = capabilities_read(&sets) == 0 && !(sets.permitted & capability_bit(CAP_BPF));

	return lacks && (sets.permitted & capability_bit(CAP_SYS_ADMIN)) ? CAP_SYS_ADMIN : CAP_BPF;
}

static int seal_object(struct dl_phdr_info *object, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) &
				~(page - 1);

		if (segment->p_type == PT_GNU_RELRO && begin < end)
			(void)mprotect((void *)begin, end - begin, PROT_READ);
	}
	return 1; /* the first is the program itself */
}

void privileges_seal(void)
{
	(void)dl_iterate_phdr(seal_object, NULL);
}

int privileges_hide(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -EPERM;
}

static int groups_leave(void)
{
	gid_t real, effective, saved;

	if (setgroups(0, NULL) < 0 || setresgid(PRIVILEGES_GID, PRIVILEGES_GID, PRIVILEGES_GID) < 0)
		return -errno;
	if (getresgid(&real, &effective, &saved) < 0)
		return -errno;
	if (real != PRIVILEGES_GID || effective != PRIVILEGES_GID || saved != PRIVILEGES_GID ||
	    getgroups(0, NULL) != 0)
		return -EPERM;
	return 0;
}

static int user_leave(void)
{
	uid_t real, effective, saved;

	if (setresuid(PRIVILEGES_UID, PRIVILEGES_UID, PRIVILEGES_UID) < 0)
		return -errno;
	if (getresuid(&real, &effective, &saved) < 0)
		return -errno;
	if (real != PRIVILEGES_UID || effective != PRIVILEGES_UID || saved != PRIVILEGES_UID)
		return -EPERM;
	return 0;
}

int privileges_drop_all(const char **ret_uid_kept)
{
	bool only_id = ids_are_confined();
	bool may_change_uid = privileges_held(CAP_SETUID) && !only_id;
	int err = 0;

	/* First what needs capabilities, the uid last: leaving root takes them away. */
	if (privileges_held(CAP_SETPCAP))
		err = bounding_drop(0);
	if (!err && privileges_held(CAP_SETGID) && !only_id)
		err = groups_leave();
	if (!err && may_change_uid)
		err = user_leave();
	if (!err)
		err = privileges_keep(NULL, 0);
	if (err)
		return err;
	err = privileges_hide();
	if (err)
		return err;
	*ret_uid_kept = may_change_uid ? NULL
			: only_id      ? "no, the user namespace maps no other id"
				       : "no, CAP_SETUID is missing";
	return 0;
}
