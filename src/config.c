/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads flags and environment by the table of options into a struct config. Must not know what an
 * option is for, how its text is read, nor how a refusal is worded.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "config_state.h"
#include "options.h"
#include "values.h"

/* Only lists may be given again. */
static int read_option(struct reading *reading, const struct option *option, const char *value)
{
	bool again = reading->given & option_bit(option);

	reading->given |= option_bit(option);
	if (config_list_is(option))
		return config_list_read_value(reading, value);
	if (again)
		return config_refuse(reading, value, "it only once: it is given twice");
	if (!value_read(option, value, &reading->config))
		return config_refuse(reading, value, NULL);
	return 0;
}

static int read_flag(struct reading *reading, const char *flag, const char *next,
		     bool *ret_took_next)
{
	const char *name = flag + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? &name[length + 1] : NULL;

	reading->option = option_find(name, length, false);
	if (!reading->option)
		return config_refuse_unknown(reading, "unknown option", flag, name, length);
	if (reading->option->kind == OPTION_SWITCH) {
		bool *field = (void *)((char *)&reading->config + reading->option->offset);

		*field = true;
		return value ? config_refuse(reading, value, NULL) : 0;
	}
	*ret_took_next = !value && next && strncmp(next, "--", 2) != 0;
	if (*ret_took_next)
		value = next;
	return value ? read_option(reading, reading->option, value)
		     : config_refuse(reading, NULL, NULL);
}

static int read_flags(struct reading *reading, int argc, char *const argv[])
{
	int err = 0;

	for (int i = 0; i < argc && !err; i++) {
		const char *flag = strcmp(argv[i], "-h") == 0 ? "--help" : argv[i];
		bool took_next = false;

		if (flag[0] != '-')
			return config_refuse_unknown(reading, "unexpected argument", flag, flag,
						     strlen(flag));
		if (strncmp(flag, "--", 2) != 0)
			return config_refuse_unknown(reading, "unknown option", flag, flag,
						     strlen(flag));
		err = read_flag(reading, flag, i + 1 < argc ? argv[i + 1] : NULL, &took_next);
		i += took_next;
	}
	return err;
}

/* Kubernetes sets these for every Service named kube-canary or kube-canary-…: FOO_SERVICE_HOST,
 * FOO_SERVICE_PORT[_NAME], FOO_PORT and FOO_PORT_80_TCP[_ADDR|_PORT|_PROTO]. They are no misspelt
 * options, and that of a Service kube-canary-stamp is not --stamp.port. */
static bool is_service_link(const char *variable)
{
	const char *name = variable + strlen(OPTIONS_VARIABLE_PREFIX) - 1;
	const char *value = strchr(name, '=');
	const char *at;

	if (memmem(name, (size_t)(value - name), "_SERVICE_PORT", 13))
		return true;
	if (value - name >= 13 && memcmp(value - 13, "_SERVICE_HOST", 13) == 0)
		return true;
	for (at = name; (at = memmem(at, (size_t)(value - at), "_PORT", 5)); at++) {
		if (at[5] == '=' ? strstr(value, "://") != NULL
				 : at[5] == '_' && at[6] >= '0' && at[6] <= '9')
			return true;
	}
	return false;
}

static int read_variable(struct reading *reading, char *variable)
{
	char *name = variable + strlen(OPTIONS_VARIABLE_PREFIX);
	size_t length = strcspn(name, "=");
	char *value = &name[length + 1];
	const struct option *option = option_find(name, length, true);

	reading->option = option;
	if (is_service_link(variable))
		return 0;
	if (!option)
		return config_refuse_unknown(reading, "unknown variable", variable, name, length);
	if (reading->given_by_flags & option_bit(option))
		return 0;
	return config_list_is(option) ? config_list_read_variable(reading, value)
				      : read_option(reading, option, value);
}

static int read_environment(struct reading *reading, char *const environment[])
{
	int err = 0;

	reading->variable = true;
	for (; environment && *environment && !err; environment++) {
		if (strncmp(*environment, OPTIONS_VARIABLE_PREFIX,
			    strlen(OPTIONS_VARIABLE_PREFIX)) == 0 &&
		    strchr(*environment, '='))
			err = read_variable(reading, *environment);
	}
	return err;
}

int config_read(int argc, char *const argv[], char *const environment[], struct config *ret,
		char ret_error[static CONFIG_ERROR_CAPACITY])
{
	struct reading reading = { .ret_error = ret_error };
	int err = 0;

	for (size_t row = 0; row < options_count; row++) {
		if (options[row].default_text && !config_list_is(&options[row]))
			(void)value_read(&options[row], options[row].default_text, &reading.config);
	}
	err = read_flags(&reading, argc, argv);
	reading.given_by_flags = reading.given;
	/* Whoever asks for help should get it whatever the environment says. */
	if (!err && !reading.config.help && !reading.config.version) {
		err = read_environment(&reading, environment);
		config_lists_default(&reading);
		err = err ? err : config_check(&reading);
	}
	if (err) {
		config_lists_restore(&reading);
		return err;
	}
	*ret = reading.config;
	return 0;
}
