# The user's settings: how the user's files are compiled and found (docs/ALLOCATORS.md, "Compile
# settings").
#   USER_CFLAGS            on the command line: any options, such as
#                          USER_CFLAGS='-I../mine/include -DNDEBUG -std=c99'
#   USER_COMPILE_COMMANDS  a compile_commands.json with settings for each file
#   USER_MK                a makefile fragment; the default is stampede.mk beside the files. It may
#                          set
#     USER_INCLUDES        folders with headers
#     USER_DEFINES         macros, NAME or NAME=VALUE
#     USER_STD             c99, gnu17, c++17 ...; one for C, one for C++
#     USER_FLAGS           other options
#     USER_SOURCES         files that lie elsewhere: .c .cpp .S .o .a .rs
#   Paths in the fragment are relative to its folder. In USER_FLAGS that folder is $(USER_HERE).
#
# Needs USER_DIR, the folder of the files. Sets user_flags_c, user_flags_cxx and USER_FRAGMENT, the
# fragment that was read.

USER_FRAGMENT := $(or $(strip $(USER_MK)),$(wildcard $(USER_DIR)stampede.mk))
ifneq ($(USER_FRAGMENT),)
$(if $(wildcard $(USER_FRAGMENT)),,$(error USER_MK=$(USER_FRAGMENT): there is no such file))
USER_HERE := $(dir $(USER_FRAGMENT))
include $(USER_FRAGMENT)
endif

# $(call user_paths,VARIABLE): paths of the fragment, relative to its folder; those of the command
# line as they are.
user_paths = $(if $(filter command,$(word 1,$(origin $(1)))),$($(1)),\
    $(foreach path,$($(1)),$(if $(filter /%,$(path)),$(path),$(USER_HERE)$(path))))

$(foreach path,$(call user_paths,USER_INCLUDES),\
    $(if $(wildcard $(path)/.),,$(error USER_INCLUDES: there is no folder $(path))))
ifneq ($(USER_COMPILE_COMMANDS),)
$(if $(wildcard $(USER_COMPILE_COMMANDS)),,$(error USER_COMPILE_COMMANDS=$(USER_COMPILE_COMMANDS): there is no such file))
endif

USER_SETTINGS := $(addprefix -I,$(call user_paths,USER_INCLUDES)) $(foreach word,$(USER_DEFINES),'-D$(word)') \
    $(addprefix -std=,$(USER_STD)) \
    $(filter-out -Werror -Werror=% -pedantic-errors,$(USER_FLAGS) $(USER_CFLAGS))

# Each language gets its own standard only. No warning stops the build, even if a setting asks for
# that.
USER_STD_CXX   := $(filter -std=c++% -std=gnu++%,$(USER_SETTINGS))
USER_STD_C     := $(filter-out $(USER_STD_CXX),$(filter -std=%,$(USER_SETTINGS)))
USER_LIBRARY   := -isystem mm/adapters/include
user_flags_c   := $(filter-out $(USER_STD_CXX),$(USER_SETTINGS)) $(USER_LIBRARY) -Wno-error
user_flags_cxx := $(filter-out $(USER_STD_C),$(USER_SETTINGS)) $(USER_LIBRARY) -Wno-error

# With a compile_commands.json: the command to run before a compilation, and the argument that it
# adds.
user_extract = $(if $(USER_COMPILE_COMMANDS),ci/compile-commands $(USER_COMPILE_COMMANDS) $< >$@.flags)
user_extracted = $(if $(USER_COMPILE_COMMANDS),@$@.flags)
