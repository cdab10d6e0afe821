#include "server/adaptation.h"

#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <thread>

namespace cpm::server {

namespace {

std::size_t workers(const Config& config) {
  if (config.adapt.workers != 0) return config.adapt.workers;
  return std::max<std::size_t>(1, std::thread::hardware_concurrency() / 2);
}

}  // namespace

std::string adapt_program(const Config& config) {
  if (!config.adapt.program.empty()) return config.adapt.program;
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
  return (own.parent_path() / "cpmstore-adapt").string();
}

std::unique_ptr<adapt::Adapter> make_adapter(const Config& config) {
  if (!config.adapt.enabled) return nullptr;
  adapt::AdapterSettings settings;
  settings.program = adapt_program(config);
  if (::access(settings.program.c_str(), X_OK) != 0) {
    log::info("adapt", "no media worker: CONVERT is not offered", {{"program", settings.program}});
    return nullptr;
  }
  settings.workers = workers(config);
  settings.memory = config.adapt.memory;
  settings.pixels = config.adapt.pixels;
  settings.jobs = config.adapt.jobs;
  settings.queue = config.adapt.queue;
  settings.account_queue = std::max<std::size_t>(10, config.adapt.queue / 10);
  settings.octets = config.limits.convert_octets;
  settings.result_octets = config.limits.convert_octets;
  return std::make_unique<adapt::Adapter>(std::move(settings));
}

nlohmann::json worker_status(const adapt::Adapter& adapter) {
  using nlohmann::json;
  const adapt::AdapterStatus status = adapter.status();
  json refused = json::object();
  for (const auto& [why, number] : status.refused) refused[adapt::refusal_name(why)] = number;
  json list = json::array();
  for (const adapt::WorkerStatus& one : status.workers) {
    list.push_back({{"pid", one.pid}, {"busy", one.busy}, {"jobs", one.jobs}, {"found", one.found}});
  }
  return {{"running", status.running},   {"problem", status.problem},
          {"waiting", status.waiting},   {"tasks", status.tasks},
          {"done", status.done},         {"crashes", status.crashes},
          {"timeouts", status.timeouts}, {"recycled", status.recycled},
          {"refused", refused},          {"list", list}};
}

}  // namespace cpm::server
