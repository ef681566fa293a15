/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what a request's target says: its path. Must not know connections, nor what is served where.
 */
#include <string.h>
#include <strings.h>

#include "http_state.h"

const char *http_path_of(const char *target)
{
	static const char scheme[] = "http://";
	const char *path;

	if (strncasecmp(target, scheme, sizeof(scheme) - 1) != 0)
		return target;
	path = strchr(target + sizeof(scheme) - 1, '/');
	return path ? path : "/";
}

size_t http_on_unescape(void *ctx, struct MHD_Connection *handle, char *text)
{
	size_t length = MHD_http_unescape(text);

	(void)ctx;
	(void)handle;
	if (strlen(text) == length)
		return length;
	text[0] = '\0';
	return 0;
}
