// What octets are, by libmagic and a few rules of ours where that is known to be vague.
// Runs on: one thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm::adapt::worker {

void prepare_sniffer();  // loads the database

struct Found {
  std::string type;  // canonical; "text/plain" for any text that is nothing more special; may be of no use to us
  bool mislabelled = false;
};

// Octets decide. Among textual types, which cannot be told apart by octets, the label decides.
[[nodiscard]] Found sniff(std::string_view octets, const std::string& declared);

}  // namespace cpm::adapt::worker
