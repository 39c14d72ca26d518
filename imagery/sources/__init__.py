"""Providers of products, one module each, all behind `imagery.records.SceneSource`."""
