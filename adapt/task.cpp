#include "adapt/task.h"

namespace cpm::adapt {

const char* refusal_name(Refusal why) noexcept {
  switch (why) {
    case Refusal::bad_parameters: return "bad_parameters";
    case Refusal::missing_parameters: return "missing_parameters";
    case Refusal::unsupported: return "unsupported";
    case Refusal::broken_source: return "broken_source";
    case Refusal::too_large: return "too_large";
    case Refusal::timed_out: return "timed_out";
    case Refusal::crashed: return "crashed";
    case Refusal::busy: return "busy";
  }
  return "";
}

bool temporary(Refusal why) noexcept { return why == Refusal::timed_out || why == Refusal::busy; }

}  // namespace cpm::adapt
