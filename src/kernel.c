/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, sizes and loads the BPF object, then lets libbpf go: only descriptors are left. The sole
 * includer of the skeleton. Must not know interfaces, nor what is in the maps.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "log.h"

/* Generated; our warnings are not for it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "canary.skel.h"
#pragma GCC diagnostic pop

#define PIN_PATH_CAPACITY 512 /* the option's 256 and a map's name */
#define FOLDER_TRIES	  10  /* it vanishes as its last user ends; a dangling link is for ever */

static const char *const map_names[KERNEL_MAPS] = {
	[KERNEL_MAP_CONTROL] = "kc_control",	 [KERNEL_MAP_COUNTERS] = "kc_counters",
	[KERNEL_MAP_ADDRESSES] = "kc_addresses", [KERNEL_MAP_PEERS] = "kc_peers",
	[KERNEL_MAP_FLIGHTS] = "kc_flights",	 [KERNEL_MAP_SESSIONS] = "kc_sessions",
	[KERNEL_MAP_SAMPLES] = "kc_samples",
};

static const char *const program_names[KERNEL_PROGRAMS] = {
	[KERNEL_EGRESS_ETHERNET] = "kc_egress",	  [KERNEL_EGRESS_L3] = "kc_egress_l3",
	[KERNEL_INGRESS_ETHERNET] = "kc_ingress", [KERNEL_INGRESS_L3] = "kc_ingress_l3",
	[KERNEL_INGRESS_XDP] = "kc_ingress_xdp",  [KERNEL_REFLECT] = "kc_reflect",
};

/* The verifier's log is one long text: a log line for each of its lines. */
__attribute__((format(printf, 2, 0))) static int on_libbpf_text(enum libbpf_print_level level,
								const char *format, va_list args)
{
	char *text, *rest = NULL;
	int length;

	if (level == LIBBPF_DEBUG)
		return 0;
	length = vasprintf(&text, format, args);
	if (length < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		log_debug("libbpf", LOG_TEXT("text", line));
	free(text);
	return length;
}

static int kernel_size_maps(const struct canary_bpf *skeleton, const struct kernel_shape *shape)
{
	const uint64_t entries[KERNEL_MAPS] = {
		[KERNEL_MAP_CONTROL] = 1,
		[KERNEL_MAP_COUNTERS] = 1,
		[KERNEL_MAP_ADDRESSES] = shape->address_capacity,
		[KERNEL_MAP_PEERS] = shape->slots,
		[KERNEL_MAP_FLIGHTS] = (uint64_t)shape->slots * shape->flows * shape->window,
		[KERNEL_MAP_SESSIONS] = shape->session_capacity,
		[KERNEL_MAP_SAMPLES] = shape->ring_bytes,
	};

	for (int i = 0; i < KERNEL_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skeleton->obj, map_names[i]);
		int err;

		if (entries[i] > UINT32_MAX)
			return -E2BIG;
		err = bpf_map__set_max_entries(map, (uint32_t)entries[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Since 6.1, or wherever it was taken to: tried. What would call it is pruned where it fails. */
static bool kernel_has_tai_clock(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_tai_ns },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "kc_trial", "Dual BSD/GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void kernel_fill_constants(const struct kernel_settings *settings, struct kc_config *config)
{
	const struct kernel_shape *shape = &settings->shape;

	config->inert_after_ns = settings->inert_after_ns;
	config->window = shape->window;
	config->echo_window = shape->echo_window;
	config->flows = shape->flows;
	config->address_capacity = shape->address_capacity;
	config->session_capacity = shape->session_capacity;
	config->hash_seed = shape->hash_seed;
	config->icmp_id_be = settings->icmp_id_be;
	config->stamp_port_be = settings->stamp_port_be;
	memcpy(config->flow_ports_be, settings->flow_ports_be, sizeof(config->flow_ports_be));
	config->reflector = settings->reflector;
	config->tai_clock = kernel_has_tai_clock();
}

static int kernel_load(const struct kernel_settings *settings, bool with_xdp,
		       struct canary_bpf **ret)
{
	struct canary_bpf *skeleton = canary_bpf__open();
	int err;

	if (!skeleton)
		return -errno;
	kernel_fill_constants(settings, &skeleton->rodata->config);
	skeleton->rodata->identity = settings->identity;
	err = kernel_size_maps(skeleton, &settings->shape);
	if (!err)
		err = bpf_program__set_autoload(skeleton->progs.kc_ingress_xdp, with_xdp);
	if (!err)
		err = bpf_program__set_autoload(skeleton->progs.kc_reflect,
						with_xdp && settings->reflector);
	if (!err)
		err = canary_bpf__load(skeleton);
	if (err) {
		canary_bpf__destroy(skeleton);
		return err;
	}
	*ret = skeleton;
	return 0;
}

/* Keeps what libbpf closes with its object. */
static int kernel_duplicate(const struct canary_bpf *skeleton, struct kernel *kernel)
{
	for (int i = 0; i < KERNEL_MAPS; i++) {
		int fd = bpf_object__find_map_fd_by_name(skeleton->obj, map_names[i]);

		kernel->maps[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (kernel->maps[i] < 0)
			return -errno;
	}
	for (int i = 0; i < KERNEL_PROGRAMS; i++) {
		const struct bpf_program *program =
			bpf_object__find_program_by_name(skeleton->obj, program_names[i]);

		if (!bpf_program__autoload(program))
			continue;
		kernel->programs[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);
		if (kernel->programs[i] < 0)
			return -errno;
	}
	return 0;
}

static void pin_path_of(const char *folder, int map, char ret[static PIN_PATH_CAPACITY])
{
	snprintf(ret, PIN_PATH_CAPACITY, "%s/%s", folder, map_names[map]);
}

void kernel_unpin(const struct kernel_pins *pins, const char *pin_path)
{
	char path[PIN_PATH_CAPACITY];
	struct stat file;

	for (int i = 0; i < KERNEL_MAPS; i++) {
		pin_path_of(pin_path, i, path);
		if (pins->files[i] != 0 && stat(path, &file) == 0 && file.st_dev == pins->device &&
		    file.st_ino == pins->files[i])
			unlink(path);
	}
	/* Refused, rightly, if others keep something there. */
	if (pins->folder)
		rmdir(pin_path);
}

/* *ret_fd: the folder. -EBUSY: somebody holds it; -EAGAIN: they removed it meanwhile. */
static int folder_lock(const char *folder, int *ret_fd)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat held, named;
	int err = 0;

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	else if (fstat(fd, &held))
		err = -errno;
	else if (stat(folder, &named) || named.st_dev != held.st_dev || named.st_ino != held.st_ino)
		err = -EAGAIN;
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* 0 or -errno: -EAGAIN as of folder_lock. */
static int folder_make(const char *folder, struct kernel_pins *pins)
{
	bool made = mkdir(folder, 0700) == 0;
	struct statfs file_system;
	int err;

	if (!made && errno != EEXIST)
		return -errno;
	if (statfs(folder, &file_system) < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if ((uint64_t)file_system.f_type != BPF_FS_MAGIC) {
		if (made)
			rmdir(folder);
		return -EINVAL;
	}
	/* Where it is held already, it is left to whoever holds it. */
	err = folder_lock(folder, &pins->lock_fd);
	if (!err)
		pins->folder = made;
	return err;
}

/* Two cannot share the names: who looks there would see the one, then the other. */
static int folder_take(const char *folder, struct kernel_pins *pins)
{
	int err = -EAGAIN;

	for (int i = 0; i < FOLDER_TRIES && err == -EAGAIN; i++)
		err = folder_make(folder, pins);
	if (err == -EBUSY)
		log_error("--bpf.pin-path is that of another instance, which runs; expected a "
			  "folder of its own for each",
			  LOG_TEXT("path", folder));
	else if (err == -EINVAL)
		log_error("--bpf.pin-path is not on a mounted bpf file system",
			  LOG_TEXT("path", folder));
	else if (err)
		log_error("cannot make the folder of --bpf.pin-path", LOG_TEXT("path", folder),
			  LOG_ERRNO(err));
	return err;
}

/* A map of this name was pinned by one of us, perhaps killed since. A pin is but a name: nothing
 * lives by it. */
static void pin_remove_stale(const char *path, const char *name)
{
	struct bpf_map_info map = { 0 };
	uint32_t bytes = sizeof(map);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &map, &bytes) == 0 && strcmp(map.name, name) == 0)
		unlink(path);
	close(fd);
}

static int kernel_pin(struct kernel *kernel, const char *folder)
{
	struct kernel_pins *pins = &kernel->pins;
	char path[PIN_PATH_CAPACITY];
	int err = folder_take(folder, pins);

	for (int i = 0; i < KERNEL_MAPS && !err; i++) {
		struct stat file;

		pin_path_of(folder, i, path);
		pin_remove_stale(path, map_names[i]);
		err = bpf_obj_pin(kernel->maps[i], path);
		if (!err && stat(path, &file) < 0)
			err = -errno;
		if (err) {
			log_error("cannot pin a map", LOG_TEXT("path", path), LOG_ERRNO(err));
			kernel_unpin(pins, folder);
			break;
		}
		pins->device = file.st_dev;
		pins->files[i] = file.st_ino;
	}
	return err;
}

const void *kernel_object(size_t *ret_bytes)
{
	return canary_bpf__elf_bytes(ret_bytes);
}

/* Programs stamp by the machine's monotonic clock. Ours is that, unless a time namespace moves it:
 * then no stamp could be compared, and no heartbeat. */
static int kernel_check_clock(void)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re");
	long long seconds = 0, ns = 0;

	/* No file: a kernel without time namespaces. */
	if (file && fscanf(file, "monotonic %lld %lld", &seconds, &ns) == 2 && (seconds || ns))
		log_error("the monotonic clock here is not the machine's, by which the kernel "
			  "stamps: leave the time namespace",
			  LOG_INT("offset_seconds", seconds), LOG_INT("offset_ns", ns));
	if (file)
		fclose(file);
	return seconds || ns ? -EXDEV : 0;
}

int kernel_open(const struct kernel_settings *settings, struct kernel *ret)
{
	struct canary_bpf *skeleton;
	struct kernel kernel = KERNEL_NONE;
	int err = kernel_check_clock();

	if (err)
		return err;
	libbpf_set_print(on_libbpf_text);
	err = kernel_load(settings, settings->with_xdp, &skeleton);
	/* Without privilege the second try could tell nothing more. */
	if (err && settings->with_xdp && err != -EPERM) {
		log_debug("the kernel refused the programs; trying without those for XDP",
			  LOG_ERRNO(err));
		err = kernel_load(settings, false, &skeleton);
	}
	if (err)
		return err;
	err = kernel_duplicate(skeleton, &kernel);
	canary_bpf__destroy(skeleton);
#ifdef __GLIBC__
	malloc_trim(0); /* the free heap would else be inherited by both processes */
#endif
	if (!err && settings->pin_path)
		err = kernel_pin(&kernel, settings->pin_path);
	if (err) {
		kernel_close(&kernel);
		return err;
	}
	*ret = kernel;
	return 0;
}

static void descriptors_close(int *descriptors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
		descriptors[i] = -1;
	}
}

void kernel_close_maps(struct kernel *kernel)
{
	descriptors_close(kernel->maps, KERNEL_MAPS);
}

void kernel_close_programs(struct kernel *kernel)
{
	descriptors_close(kernel->programs, KERNEL_PROGRAMS);
	descriptors_close(&kernel->pins.lock_fd, 1);
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	kernel_close_maps(kernel);
	kernel_close_programs(kernel);
}
