/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instance's own document as a structure. Must not know where it comes from or how it is shown.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "top_data.h"
#include "top_fields.h"

struct direction {
	bool attached;
	char mode[16];
	char error[16];
};

struct interface {
	char name[16];
	struct direction egress, ingress;
};

static bool read_direction(struct json_reader *reader, enum json_token token,
			   struct direction *direction)
{
	static const struct top_field fields[] = { BOOL(direction, attached), TEXT(direction, mode),
						   TEXT(direction, error), END };

	return top_fields_read(reader, token, fields, direction);
}

static bool read_egress(struct json_reader *reader, enum json_token token, void *object)
{
	struct interface *interface = object;

	return read_direction(reader, token, &interface->egress);
}

static bool read_ingress(struct json_reader *reader, enum json_token token, void *object)
{
	struct interface *interface = object;

	return read_direction(reader, token, &interface->ingress);
}

/* The mode, where it works; else why not. */
static void copy_direction(char to[static 16], const struct direction *from)
{
	if (from->attached)
		memcpy(to, from->mode, sizeof(from->mode));
	else
		strcpy(to, "not attached");
}

static bool read_interfaces(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = { TEXT(interface, name),
						   OTHER("egress", read_egress),
						   OTHER("ingress", read_ingress), END };
	struct top_status *status = object;

	status->interface_count = 0;
	if (token != JSON_ARRAY)
		return json_reader_skip(reader, token);
	while ((token = json_reader_next(reader)) != JSON_ARRAY_END) {
		struct interface read = { 0 };
		struct top_interface *interface;

		if (!top_fields_read(reader, token, fields, &read))
			return false;
		if (status->interface_count++ >= TOP_INTERFACES_MAX)
			continue;
		interface = &status->interfaces[status->interface_count - 1];
		memcpy(interface->name, read.name, sizeof(interface->name));
		copy_direction(interface->egress, &read.egress);
		copy_direction(interface->ingress, &read.ingress);
		interface->attached = read.egress.attached && read.ingress.attached;
	}
	return true;
}

static bool read_probe(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		NUMBER_AS(top_status, "interval_seconds", interval), END
	};

	return top_fields_read(reader, token, fields, object);
}

struct surplus {
	double peers_max, probe_max;
};

static bool read_surplus(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = { NUMBER(surplus, peers_max),
						   NUMBER(surplus, probe_max), END };
	struct top_status *status = object;
	struct surplus surplus = { 0, 0 };

	if (!top_fields_read(reader, token, fields, &surplus))
		return false;
	status->surplus = surplus.peers_max + surplus.probe_max;
	return true;
}

static bool read_clock(struct json_reader *reader, enum json_token token, void *object)
{
	static const struct top_field fields[] = {
		{ "synchronised", FIELD_BOOL, offsetof(struct top_status, clock_synchronised), 0,
		  NULL },
		END,
	};

	((struct top_status *)object)->clock_known = token == JSON_OBJECT;
	return top_fields_read(reader, token, fields, object);
}

int top_data_read_status(const char *bytes, size_t length, struct top_status *ret,
			 char error[static TOP_ERROR_CAPACITY])
{
	static const struct top_field fields[] = {
		TEXT(top_status, node),
		TEXT(top_status, zone),
		TEXT(top_status, version),
		NUMBER(top_status, time),
		NUMBER_AS(top_status, "uptime_seconds", uptime),
		OTHER("interfaces", read_interfaces),
		OTHER("probe", read_probe),
		OTHER("clock", read_clock),
		OTHER("surplus", read_surplus),
		END,
	};
	struct top_status status = { .time = NAN, .uptime = NAN, .interval = NAN };
	struct json_reader reader;

	json_reader_open(&reader, bytes, length);
	if (!top_fields_read(&reader, json_reader_next(&reader), fields, &status) ||
	    json_reader_next(&reader) != JSON_END)
		return top_fields_refuse(&reader, "", error);
	if (status.node[0] == '\0')
		return top_fields_refuse(&reader, "the node's name is missing", error);
	*ret = status;
	return 0;
}
