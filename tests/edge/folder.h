/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for each test of files, removed with all that is in it. */
#ifndef FOLDER_H
#define FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int enter_folder(void **state)
{
	static char folder[] = "/tmp/test_discovery_file.XXXXXX";

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	*state = folder;
	return !mkdtemp(folder) || chdir(folder);
}

static inline int remove_entry(const char *path, const struct stat *status, int kind,
			       struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static inline int leave_folder(void **state)
{
	return chdir("/") || nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void write_file(const char *path, const char *content, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static inline void put(const char *path, const char *content)
{
	write_file(path, content, strlen(content));
}

#endif
