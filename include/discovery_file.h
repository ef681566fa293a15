/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers from a file: reads it, notices when it changed (content, rename, symlink swap, gone and
 * back). Knows lines and files; what a peer is, and what becomes of it, is told by callbacks.
 */
#ifndef DISCOVERY_FILE_H
#define DISCOVERY_FILE_H

#include <stdint.h>

#include "peer_candidate.h"

#define DISCOVERY_ERROR_CAPACITY 512

/* Takes a candidate; 0 or a result of directory_offer. */
typedef int discovery_offer_fn(void *ctx, const struct peer_candidate *candidate);

/* Reads the whole file, offering each peer. 0; -EINVAL for a bad line, or -errno if it cannot be
 * read, each with one clear line (file, line number, text, what was expected) in ret_error. What
 * was offered before an error is the caller's to undo. -ENOSPC from offer is not an error here. */
int discovery_file_read(const char *path, discovery_offer_fn *offer, void *ctx,
			char ret_error[static DISCOVERY_ERROR_CAPACITY]);

struct discovery_file;

/* Open it before the first read, so that no change is missed. Where the machine has no inotify
 * instance left the descriptor never becomes readable, and changes are found by the caller's timer.
 */
int discovery_file_open(const char *path, struct discovery_file **ret);
void discovery_file_close(struct discovery_file *file);
/* inotify on the file's folders, behind symlinks too; readable: call discovery_file_changed. */
int discovery_file_fd(const struct discovery_file *file);
/* Drains the notices. 1: the file may have changed. Safe to call at any time, also by a slow timer,
 * since it compares what stat says; a file that is gone, or may still be written, is told of at the
 * second look. */
int discovery_file_changed(struct discovery_file *file);

#endif
