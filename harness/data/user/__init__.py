"""Datasets that users bring as folders and arrays: `folder:PATH`, `npz:PATH`, `mvtec:PATH`, …"""
