// cpmstore-adapt: see adapt/worker/keep.h.
#include "adapt/worker/keep.h"
#include "adapt/worker/work.h"

int main(int argc, char** argv) { return cpm::adapt::worker::keep(argc, argv, &cpm::adapt::worker::work); }
