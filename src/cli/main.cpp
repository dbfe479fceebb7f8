#include "cli/command.h"

int main(int argc, char** argv) { return striate::run_command_line(argc, argv); }
