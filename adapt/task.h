// A piece of media and what is wanted of it; what came out, or why nothing did. Plain values, the same on both sides of
// the worker's socket.
// Runs on: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cpm::adapt {

using Parameters = std::map<std::string, std::string>;  // names in lower case

struct Task {
  std::string declared;   // the media type that the message says, lower case: "image/heic"; may be empty
  std::string charset;    // … and the charset of a textual part; may be empty
  std::string target;     // "image/jpeg"; empty: the default for what the octets really are
  Parameters parameters;  // see Conversion
  std::string octets;     // without transfer encoding
};

struct Converted {
  std::string type;          // the target, concrete
  Parameters parameters;     // its Content-Type parameters: charset, format, delsp
  std::string octets;        // the result
  std::string found;         // what the source really is, from its octets
  bool mislabelled = false;  // `found` contradicts `declared`
  Parameters facts;          // of the source: width height frames duration codec sample-rate channels pages charset
};

enum class Refusal {
  bad_parameters,      // not known here, not of this pair of types, or a value out of range (RFC 5259 9, BADPARAMETERS)
  missing_parameters,  // needed and not given (MISSINGPARAMETERS); none of our conversions needs one
  unsupported,         // no such conversion from what the octets are
  broken_source,       // the decoder cannot read it
  too_large,           // pixels, frames, duration, pages or memory above the bounds; also a result above them
  timed_out,           // a worker had it and did not finish
  crashed,             // a worker died of it
  busy,  // nothing was tried: the queue is full, no worker became free in time, or the service is stopping
};

// "bad_parameters", …: for logs and labels of metrics.
[[nodiscard]] const char* refusal_name(Refusal why) noexcept;
// True for what may work later: timed_out, busy. A crash is a property of the octets.
[[nodiscard]] bool temporary(Refusal why) noexcept;

struct Refused {
  Refusal why = Refusal::broken_source;
  std::string detail;                   // short and clean English, for a client too
  std::vector<std::string> parameters;  // the offending or the missing ones
  std::string found;                    // what the source really is, when that was found out
  std::string target;                   // the target that was chosen or asked for, when that was found out
};

using Outcome = std::variant<Converted, Refused>;

}  // namespace cpm::adapt
