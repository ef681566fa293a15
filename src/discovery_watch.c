/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices when the peers file changed: by inotify on the folders that lead to it, links included,
 * and by what stat says. Must not know what stands in it.
 */
#include "discovery_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_CAPACITY  1024 /* with all links followed; a longer path is left to the timer */
#define LINKS_FOLLOWED 16
#define WATCHES	       (LINKS_FOLLOWED + 1)
#define EVENTS_READ    64 /* blocks of notices in one go */
#define EVENT_BYTES    1024

#define WATCHED_EVENTS                                                                           \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | \
	 IN_MOVE_SELF)

/* What stat says of a file. Without padding, so that it can be compared as memory. */
struct file_state {
	uint64_t exists;
	uint64_t device;
	uint64_t inode;
	int64_t size;
	int64_t modified[2];
	int64_t changed[2];
};

struct discovery_file {
	int fd;
	int watches[WATCHES];
	uint32_t watch_count;
	struct file_state reported; /* as of the last change that was told */
	struct file_state seen;	    /* as of the last look */
	char name[NAME_MAX + 1];    /* the file's own, behind all links */
	char path[];
};

static void look(const char *path, struct file_state *ret)
{
	struct stat status;

	memset(ret, 0, sizeof(*ret));
	if (stat(path, &status) < 0)
		return;
	ret->exists = 1;
	ret->device = status.st_dev;
	ret->inode = status.st_ino;
	ret->size = status.st_size;
	ret->modified[0] = status.st_mtim.tv_sec;
	ret->modified[1] = status.st_mtim.tv_nsec;
	ret->changed[0] = status.st_ctim.tv_sec;
	ret->changed[1] = status.st_ctim.tv_nsec;
}

static bool same_state(const struct file_state *a, const struct file_state *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Watches the folder that the component at `at` stands in. */
static void watch_folder(const struct discovery_file *file, char *path, size_t at, int *watches,
			 uint32_t *count)
{
	char kept = path[at];
	int watch;

	path[at] = '\0';
	watch = inotify_add_watch(file->fd, at ? path : ".",
				  WATCHED_EVENTS | IN_ONLYDIR | IN_EXCL_UNLINK);
	path[at] = kept;
	for (uint32_t i = 0; i < *count; i++) {
		if (watches[i] == watch)
			return;
	}
	if (watch >= 0 && *count < WATCHES)
		watches[(*count)++] = watch;
}

/* Puts a link's target in the place of the component [at, end). False: too long. */
static bool follow_link(char path[static PATH_CAPACITY], size_t at, size_t end, const char *target)
{
	char rest[PATH_CAPACITY];
	size_t before = target[0] == '/' ? 0 : at;
	size_t target_length = strlen(target);
	size_t rest_length = strlen(path + end);

	if (before + target_length + rest_length >= PATH_CAPACITY)
		return false;
	memcpy(rest, path + end, rest_length + 1);
	memcpy(path + before, target, target_length);
	memcpy(path + before + target_length, rest, rest_length + 1);
	return true;
}

/* Follows the path component by component and watches each folder in which a link stands that leads
 * to the file (Kubernetes swaps one of them), the file's own, and if something is missing, the
 * folder in which it is missing. Returns how many watches, and their numbers in `watches`. */
static uint32_t watch_path(struct discovery_file *file, int watches[static WATCHES])
{
	char path[PATH_CAPACITY];
	char target[PATH_CAPACITY];
	uint32_t count = 0;
	uint32_t links = 0;
	size_t at = 0;

	if (strlen(file->path) >= sizeof(path))
		return 0;
	strcpy(path, file->path);
	for (;;) {
		size_t end;
		ssize_t length;
		char kept;
		bool last;

		at += strspn(path + at, "/");
		end = at + strcspn(path + at, "/");
		last = path[end + strspn(path + end, "/")] == '\0';
		kept = path[end];
		path[end] = '\0';
		length = readlink(path, target, sizeof(target) - 1);
		if (last && length < 0)
			snprintf(file->name, sizeof(file->name), "%s", path + at);
		path[end] = kept;
		if (length < 0 && errno == EINVAL && !last) { /* an ordinary folder */
			at = end;
			continue;
		}
		watch_folder(file, path, at, watches, &count);
		if (length < 0 || ++links > LINKS_FOLLOWED)
			return count;
		target[length] = '\0';
		if (!follow_link(path, at, end, target))
			return count;
		if (target[0] == '/')
			at = 0;
	}
}

/* Links and folders may lead elsewhere now. */
static void renew_watches(struct discovery_file *file)
{
	int watches[WATCHES];
	uint32_t count = watch_path(file, watches);

	for (uint32_t i = 0; i < file->watch_count; i++) {
		bool needed = false;

		for (uint32_t j = 0; j < count; j++)
			needed |= watches[j] == file->watches[i];
		if (!needed)
			inotify_rm_watch(file->fd, file->watches[i]);
	}
	memcpy(file->watches, watches, count * sizeof(watches[0]));
	file->watch_count = count;
}

int discovery_file_open(const char *path, struct discovery_file **ret)
{
	struct discovery_file *file = calloc(1, sizeof(*file) + strlen(path) + 1);

	if (!file)
		return -ENOMEM;
	strcpy(file->path, path);
	file->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* A machine may have no inotify instance left: a descriptor that never speaks, and the
	 * caller's timer serves. */
	if (file->fd < 0)
		file->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (file->fd < 0) {
		int err = -errno;

		discovery_file_close(file);
		return err;
	}
	renew_watches(file);
	look(path, &file->reported);
	file->seen = file->reported;
	*ret = file;
	return 0;
}

void discovery_file_close(struct discovery_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

int discovery_file_fd(const struct discovery_file *file)
{
	return file->fd;
}

/* Whether the file itself was written or put in its place (*ret_written), or at least something was
 * moved
 * (*ret_moved), as in a swap of links. */
static void drain_notices(const struct discovery_file *file, bool *ret_written, bool *ret_moved)
{
	_Alignas(struct inotify_event) char block[EVENT_BYTES];

	*ret_written = *ret_moved = false;
	for (int i = 0; i < EVENTS_READ; i++) {
		ssize_t length = read(file->fd, block, sizeof(block));

		for (ssize_t at = 0; at < length;) {
			const struct inotify_event *event = (const void *)(block + at);
			bool own = event->len > 0 && strcmp(event->name, file->name) == 0;

			*ret_written |= own && (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO));
			*ret_moved |= (event->mask & IN_MOVED_TO) != 0;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		if (length <= 0)
			break;
	}
}

int discovery_file_changed(struct discovery_file *file)
{
	struct file_state now;
	bool written;
	bool moved;

	drain_notices(file, &written, &moved);
	renew_watches(file);
	look(file->path, &now);
	if (!now.exists)
		written = moved = false;
	/* A file that is missing, or that somebody may still be writing, is told of only when the
	 * next look finds it the same: editors and shells empty or remove a file before they fill
	 * it. */
	if (!written &&
	    (same_state(&now, &file->reported) || (!moved && !same_state(&now, &file->seen)))) {
		file->seen = now;
		return 0;
	}
	file->reported = file->seen = now;
	return 1;
}
